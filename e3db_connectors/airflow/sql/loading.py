"""Rows into a table: staged beside it, then taken over at once."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.errors import ValueMismatch
from e3db_connectors.sync.rows import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.tables import Table

    Row = Mapping[str, Any]


class Loader:
    """Puts rows into a table by their record ids; of rows with the same id the one that comes last counts.

    Args:
        session: Of the warehouse.
        table: The table, prepared.
        purpose: The same for each try of one load, and another for any other one.
        newest_wins: A row that is there is replaced only by one that was changed at the same time or later.
        on_failure: Told of rows that a column cannot hold; whether they may be left out is for it to say.
    """

    def __init__(
        self, session: Session, table: Table, purpose: str, *, newest_wins: bool, on_failure: Callable[[Row, ValueMismatch], None]
    ) -> None:
        """Make the place for staging."""
        self._table, self._newest_wins, self._on_failure = table, newest_wins, on_failure
        dialect = session.dialect
        columns = sorted(table.columns.items(), key=lambda item: item[0] != KEY)  # the key comes first
        self._columns = [
            (column, kinds.converter(each.kind, exact_numbers=dialect.exact_numbers, takes_nul=dialect.takes_nul))
            for column, each in columns
        ]
        types = {each.name: dialect.key_type if column == KEY else dialect.type_of(each.kind) for column, each in columns}
        self._stage = dialect.stage(session, table.schema, stage_name("stage", purpose), types)

    def filling(self) -> AbstractContextManager[None]:
        """A block in which rows are staged by several transactions, and taken over by another one."""
        return self._stage.filling()

    def stage(self, rows: Iterable[Row]) -> int:
        """Stage rows; to be called in a transaction.

        Returns:
            How many.
        """
        values = self._values(rows)
        self._stage.put(values)
        return len(values)

    def merge(self) -> None:
        """Take over what is staged; to be called in a transaction."""
        self._stage.take_over(self._table, newest_wins=self._newest_wins)
        self._stage.clear()

    def _values(self, rows: Iterable[Row]) -> list[list[Any]]:
        values: dict[str, list[Any]] = {}
        for row in rows:
            try:
                converted = self._converted(row)
            except ValueMismatch as exc:
                self._on_failure(row, exc)
            else:
                values.pop(row[KEY], None)
                values[row[KEY]] = converted
        return list(values.values())

    def _converted(self, row: Row) -> list[Any]:
        values = []
        for column, convert in self._columns:
            value = row.get(column)
            try:
                values.append(None if value is None else convert(value))
            except ValueError as exc:
                raise ValueMismatch(row[KEY], column, str(exc)) from None
        return values


def stage_name(what: str, purpose: str) -> str:
    """The name of a stage, the same for the same purpose."""
    return f"_e3db_{what}_{blake2b(purpose.encode(), digest_size=8).hexdigest()}"
