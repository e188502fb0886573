"""Rows into a table: staged beside it, then taken over in one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.airflow.sql.tables import DELETED
from e3db_connectors.errors import ValueMismatch
from e3db_connectors.sync.rows import CURSOR, KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.tables import Table

    Row = Mapping[str, Any]

_ROWS_MAX: Final = 200
"""Rows of a statement."""


class Loader:
    """Puts rows into a table by their record ids; of rows with the same id the one that comes last counts.

    Args:
        session: Of the warehouse.
        table: The table, prepared.
        newest_wins: A row that is there is replaced only by one that was changed at the same time or later.
        on_failure: Told of rows that a column cannot hold; whether they may be left out is for it to say.
    """

    def __init__(self, session: Session, table: Table, *, newest_wins: bool, on_failure: Callable[[Row, ValueMismatch], None]) -> None:
        """Make the table for staging; it is a temporary one, so nothing of it is left whatever happens."""
        self._session, self._on_failure = session, on_failure
        self._stage = session.quoted("_e3db_stage")
        dialect = session.dialect
        self._columns = [
            (column, kinds.converter(each.kind, exact_numbers=dialect.exact_numbers, takes_nul=dialect.takes_nul))
            for column, each in table.columns.items()
        ]
        self._names = [each.name for each in table.columns.values()]
        self._key = table.key
        self._merge = self._merge_of(table, newest_wins=newest_wins)
        types = ", ".join(f"{each.name} {dialect.types[each.kind]}" for each in table.columns.values())
        with session.transaction(writing=False):
            session.execute(f"CREATE TEMPORARY TABLE {self._stage} ({types}, PRIMARY KEY ({self._key}))")

    def stage(self, rows: Iterable[Row]) -> int:
        """Stage rows; to be called in a transaction.

        Returns:
            How many.
        """
        values = self._values(rows)
        size = max(1, min(_ROWS_MAX, self._session.dialect.parameters_max // len(self._columns)))
        for at in range(0, len(values), size):
            part = values[at : at + size]
            self._session.execute(self._insert_of(len(part)), [value for row in part for value in row])
        return len(values)

    def merge(self) -> None:
        """Take over what is staged; to be called in a transaction."""
        self._session.execute(self._merge)
        self._session.execute(f"DELETE FROM {self._stage}")  # noqa: S608 - quoted

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

    def _insert_of(self, count: int) -> str:
        row = f"({', '.join([self._session.mark] * len(self._columns))})"
        return f"INSERT INTO {self._stage} ({', '.join(self._names)}) VALUES {', '.join([row] * count)} {self._replace()}"  # noqa: S608

    def _replace(self) -> str:
        others = ", ".join(f"{name} = excluded.{name}" for name in self._names if name != self._key)
        return f"ON CONFLICT ({self._key}) DO UPDATE SET {others}"

    def _merge_of(self, table: Table, *, newest_wins: bool) -> str:
        names, cursor = ", ".join(self._names), table.columns[CURSOR].name
        deleted = self._session.quoted(DELETED)
        # A record that was found deleted stays so unless it has been changed since: a slow task may bring what was there before.
        alive = f"{deleted} = CASE WHEN excluded.{cursor} > present.{cursor} THEN NULL ELSE present.{deleted} END"
        guard = f" WHERE excluded.{cursor} >= present.{cursor}" if newest_wins else ""
        return (
            f"INSERT INTO {table.quoted} AS present ({names}) SELECT {names} FROM {self._stage} WHERE true "  # noqa: S608 - quoted
            f"{self._replace()}, {alive}{guard}"
        )
