"""Statements that are compiled once: for those of each request, making the text again and again takes longer than the database."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, CursorResult, Dialect
    from sqlalchemy.sql.dml import UpdateBase


class Prepared:
    """A statement whose values come as the database takes them.

    Args:
        statement: It; its columns have types that need no conversion, such as numbers and texts.
        columns: Those that have a value.
    """

    def __init__(self, statement: UpdateBase, columns: Sequence[str]) -> None:
        """Keep it; it is compiled when it is first used."""
        self._statement, self._columns = statement, columns
        self._compiled = lru_cache(self._compile)

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute it with *values*; those that it does not name are ignored."""
        text, order = self._compiled(connection.dialect)
        return connection.exec_driver_sql(text, values if order is None else tuple(values[name] for name in order))

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str] | None]:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns))
        return str(compiled), getattr(compiled, "positiontup", None)
