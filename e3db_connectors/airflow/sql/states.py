"""The table `_e3db_state`: what the next run goes by, in the database that holds what the last ones have loaded.

A row holds cursors and hashes, and a number that each change counts up. Who has read the row before somebody else changed it changes
nothing any more: so two tasks that load the same records into the same table cannot mix.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.airflow.sql.errors import TransferConflict
from e3db_connectors.errors import StateError, UsageError
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e3db_connectors.airflow.sql.session import Session

TABLE: Final = "_e3db_state"
_KEY: Final = ("destination", "client_id", "record_type")


@dataclass
class StateRow:
    """The row of one destination; `read` it in one transaction, and `save` in the ones of the loads.

    Args:
        session: Of the warehouse.
        schema: Where the table is.
        destination: The name of the table that is loaded, or of what a cursor is kept for.
        client_id: Who reads.
        record_type: What.
        before: What earlier versions called the destination; a row of theirs is taken over.
    """

    session: Session
    schema: str
    destination: str
    client_id: str
    record_type: str
    before: str | None = None

    def __post_init__(self) -> None:
        """Nothing has been read."""
        self._number = 0
        self._table = self.session.qualified(self.schema, TABLE)

    def prepare(self) -> None:
        """Make the table and the row, if they are missing; to be called in a transaction, and under a lock on the table."""
        session = self.session
        if not self._is_made():
            session.dialect.lock(session, TABLE)  # who loads into other tables may be about to make it, too
            if not self._is_made():
                self._make()
        if self.before and not self._fetched("number"):
            sql = f"UPDATE {self._table} SET destination = {session.mark} WHERE {self._where}"  # noqa: S608 - quoted
            session.execute(sql, (self._key[0], session.dialect.key_text(self.before), *self._key[1:]))
        if not self._fetched("number"):
            marks = ", ".join([session.mark] * len(self._key))
            session.execute(f"INSERT INTO {self._table} ({', '.join(_KEY)}, number) VALUES ({marks}, 0)", self._key)  # noqa: S608 - quoted

    def _is_made(self) -> bool:
        return bool(self.session.dialect.columns(self.session, self.schema, TABLE))

    def _make(self) -> None:
        session = self.session
        key, text = session.dialect.key_type, session.dialect.type_of(kinds.TEXT)
        columns = ", ".join(f"{name} {key} NOT NULL" for name in _KEY)
        session.execute(
            f"CREATE TABLE {self._table} ({columns}, number BIGINT NOT NULL, state {text}, updated {text}, "
            f"PRIMARY KEY ({', '.join(_KEY)})){session.dialect.table_options}"
        )

    def read(self) -> dict[str, Any] | None:
        """The state; None: nothing has been loaded yet.

        Raises:
            StateError: The row holds none.
        """
        [[self._number, text]] = self._fetched("number, state")
        if text is None:
            return None
        try:
            state = msgspec.json.decode(text)
        except msgspec.DecodeError:
            state = None
        if not isinstance(state, dict):
            raise StateError(f"{TABLE} holds no state for {self.destination}; delete its row to begin anew")
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state, in the transaction of what it stands for.

        Raises:
            TransferConflict: Somebody else has replaced it.
        """
        mark = self.session.mark
        text, now, number = msgspec.json.encode(state).decode(), times.render(datetime.now(UTC)), self._number + 1
        self.session.execute(
            f"UPDATE {self._table} SET state = {mark}, updated = {mark}, number = {mark} WHERE {self._where} AND number = {mark}",  # noqa: S608
            (text, now, number, *self._key, self._number),
        )
        # Not every driver says how many rows a statement has changed.
        if [tuple(row) for row in self._fetched("number, state, updated")] != [(number, text, now)]:
            raise TransferConflict(
                f"another task is loading {self.record_type} into {self.destination} and has gone on meanwhile; let one run at a time"
            )
        self._number = number

    def forget(self) -> bool:
        """Forget all states of the destination, which is not there any more; whether there were some. To be called in a transaction."""
        session = self.session
        where = f"WHERE destination = {session.mark} AND state IS NOT NULL"
        [[states]] = session.fetch(f"SELECT COUNT(*) FROM {self._table} {where}", self._key[:1])  # noqa: S608 - quoted
        if states:
            session.execute(f"UPDATE {self._table} SET state = NULL, number = number + 1 {where}", self._key[:1])  # noqa: S608 - quoted
        return bool(states)

    def require_alone(self) -> None:
        """Let pass if the destination holds records of no other type.

        Raises:
            UsageError: It does.
        """
        mark = self.session.mark
        others = self.session.fetch(
            f"SELECT record_type FROM {self._table} WHERE destination = {mark} AND record_type <> {mark}",  # noqa: S608 - quoted
            (self._key[0], self._key[2]),
        )
        if others:
            raise UsageError(
                f"{self.destination} also holds records of {others[0][0]}, which detect_deletes would take for deleted; "
                "load each type into a table of its own"
            )

    def is_shared(self) -> bool:
        """Whether other clients load into the destination, too."""
        mark = self.session.mark
        sql = f"SELECT COUNT(*) FROM {self._table} WHERE destination = {mark} AND client_id <> {mark}"  # noqa: S608 - quoted
        return bool(self.session.fetch(sql, self._key[:2])[0][0])

    def lock(self) -> None:
        """Wait for all others that load into the same table, and let them wait, until the transaction ends."""
        session = self.session
        session.execute(f"UPDATE {self._table} SET number = number WHERE destination = {session.mark}", self._key[:1])  # noqa: S608 - quoted

    def _fetched(self, columns: str) -> list[Sequence[Any]]:
        return self.session.fetch(f"SELECT {columns} FROM {self._table} WHERE {self._where}", self._key)  # noqa: S608 - quoted

    @property
    def _key(self) -> tuple[str, str, str]:
        key_text = self.session.dialect.key_text
        return key_text(self.destination), key_text(self.client_id), key_text(self.record_type)

    @property
    def _where(self) -> str:
        return " AND ".join(f"{name} = {self.session.mark}" for name in _KEY)
