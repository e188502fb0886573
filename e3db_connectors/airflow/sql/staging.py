"""Rows on their way into a table, where nobody sees them before they are taken over."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.sql.tables import DELETED
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.rows import CURSOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.tables import Table

    Rows = Sequence[Sequence[Any]]

_ROWS_MAX: Final = 200
"""Rows of a statement."""


class Stage:
    """A temporary table, of which nothing is left whatever happens; its rows are taken over by ``INSERT … ON CONFLICT``.

    Args:
        session: Of the warehouse.
        schema: Where the table is for which rows are staged.
        name: Of the stage.
        columns: Its quoted columns and their types; of rows with the same value in the first the last one counts.
    """

    def __init__(self, session: Session, schema: str, name: str, columns: Mapping[str, str]) -> None:
        """Make the table."""
        self._session, self._columns, self._filled = session, list(columns), False
        self._key = self._columns[0]
        self.quoted = self._made(schema, name, ", ".join(f"{column} {kind}" for column, kind in columns.items()))

    def filling(self) -> AbstractContextManager[None]:
        """A block in which rows are put from several transactions."""
        return nullcontext()

    def put(self, rows: Rows) -> None:
        """Stage rows; to be called in a transaction."""
        for part in self._parts(rows):
            self._insert(part, self._replace())

    def clear(self) -> None:
        """Remove all rows; to be called in a transaction."""
        self._session.execute(f"DELETE FROM {self.quoted}")  # noqa: S608 - quoted

    def take_over(self, table: Table, *, newest_wins: bool) -> None:
        """Put what is staged into a table with these columns and more; to be called in a transaction.

        Args:
            table: With the same key.
            newest_wins: A row that is there is replaced only by one that was changed at the same time or later.
        """
        names, cursor, deleted = ", ".join(self._columns), table.columns[CURSOR].name, self._session.quoted(DELETED)
        # A record that was found deleted stays so unless it has been changed since: a slow task may bring what was there before.
        alive = f"{deleted} = CASE WHEN excluded.{cursor} > present.{cursor} THEN NULL ELSE present.{deleted} END"
        guard = f" WHERE excluded.{cursor} >= present.{cursor}" if newest_wins else ""
        self._session.execute(
            f"INSERT INTO {table.quoted} AS present ({names}) SELECT {names} FROM {self.quoted} WHERE true "  # noqa: S608 - quoted
            f"{self._replace()}, {alive}{guard}"
        )

    def _made(self, _schema: str, name: str, columns: str) -> str:
        quoted = self._session.quoted(name)
        with self._session.transaction(writing=False):
            self._session.execute(f"CREATE TEMPORARY TABLE {quoted} ({columns}, PRIMARY KEY ({self._key}))")
        return quoted

    def _replace(self) -> str:
        others = ", ".join(f"{name} = excluded.{name}" for name in self._columns[1:])
        return f"ON CONFLICT ({self._key}) DO UPDATE SET {others}" if others else "ON CONFLICT DO NOTHING"

    def _parts(self, rows: Rows) -> Iterator[Rows]:
        size = max(1, min(_ROWS_MAX, self._session.dialect.parameters_max // len(self._columns)))
        for at in range(0, len(rows), size):
            yield rows[at : at + size]

    def _insert(self, rows: Rows, otherwise: str = "") -> None:
        row = f"({', '.join([self._session.mark] * len(self._columns))})"
        sql = f"INSERT INTO {self.quoted} ({', '.join(self._columns)}) VALUES"
        if self._session.dialect.takes_rows_at_once:
            self._session.execute(f"{sql} {', '.join([row] * len(rows))} {otherwise}", [value for each in rows for value in each])
        else:
            self._session.execute_many(f"{sql} {row}", rows)


class TableStage(Stage):
    """A table like any other, for databases of which nothing more is known than that they take back a transaction.

    Rows are in it during a transaction alone, the one that takes them over; a task that is killed leaves it empty, and its next try, or
    the next run, makes it anew. It is made and dropped outside of that transaction: there are databases where either ends it.
    """

    def filling(self) -> AbstractContextManager[None]:
        """One transaction for all of them, which the one that takes the rows over joins."""
        return self._session.transaction()

    def put(self, rows: Rows) -> None:
        """Stage rows; to be called in a transaction."""
        for part in self._parts(rows):
            if self._filled:
                marks = ", ".join([self._session.mark] * len(part))
                self._session.execute(f"DELETE FROM {self.quoted} WHERE {self._key} IN ({marks})", [row[0] for row in part])  # noqa: S608
            self._insert(part)
        self._filled = self._filled or bool(rows)

    def clear(self) -> None:
        """Remove all rows; to be called in a transaction."""
        super().clear()
        self._filled = False

    def take_over(self, table: Table, *, newest_wins: bool) -> None:
        """Update what is there, and insert the rest; to be called in a transaction."""
        present, key = table.quoted, self._key
        cursor, deleted = table.columns[CURSOR].name, self._session.quoted(DELETED)
        same = f"FROM {self.quoted} staged WHERE staged.{key} = {present}.{key}"
        guard = f" AND staged.{cursor} >= {present}.{cursor}" if newest_wins else ""
        # First, for MySQL compares with what it has just set: see above.
        alive = f"{deleted} = CASE WHEN {cursor} < (SELECT staged.{cursor} {same}) THEN NULL ELSE {deleted} END"
        values = ", ".join(f"{name} = (SELECT staged.{name} {same})" for name in self._columns[1:])
        self._session.execute(f"UPDATE {present} SET {alive}, {values} WHERE EXISTS (SELECT 1 {same}{guard})")  # noqa: S608 - quoted
        names = ", ".join(self._columns)
        self._session.execute(
            f"INSERT INTO {present} ({names}) SELECT {names} FROM {self.quoted} staged "  # noqa: S608 - quoted
            f"WHERE NOT EXISTS (SELECT 1 FROM {present} WHERE {present}.{key} = staged.{key})"
        )

    def _made(self, schema: str, name: str, columns: str) -> str:
        session = self._session
        quoted = session.qualified(schema, name)
        with session.transaction():
            if session.dialect.columns(session, schema, name):
                session.execute(f"DROP TABLE {quoted}")
            session.execute(f"CREATE TABLE {quoted} ({columns}, PRIMARY KEY ({self._key})){session.dialect.table_options}")
        session.drop_at_end(quoted)
        self._try_transactions(quoted)
        return quoted

    def _try_transactions(self, quoted: str) -> None:
        """Make sure that a transaction can be taken back; what else there is depends on it.

        Raises:
            UsageError: It cannot.
        """
        session = self._session
        with suppress(_TakenBackError), session.transaction():
            session.execute(f"INSERT INTO {quoted} ({self._key}) VALUES ({session.mark})", ("none",))  # noqa: S608 - quoted
            raise _TakenBackError
        with session.transaction():
            [[left]] = session.fetch(f"SELECT COUNT(*) FROM {quoted}")  # noqa: S608 - quoted
        if left:
            raise UsageError(
                "this database, as it is connected, does not take back what a transaction has done, so a task that fails would leave "
                "half of its rows; load into one that does, or into files"
            )


class _TakenBackError(Exception):
    """Ends a transaction that is not to be committed."""
