"""Statements of every request: compiled once, and on SQLite given to its driver.

What SQLAlchemy does around such a statement takes longer than SQLite does for it: a durable write costs a fifth less without.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Dialect
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

    def execute(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute it with *values*; those that it does not name are ignored. Returns the row that it returns, or None."""
        text, order = self._compiled(connection.dialect)
        return run(connection, text, values if order is None else tuple(values[name] for name in order))

    def _compile(self, dialect: Dialect) -> tuple[str, Sequence[str] | None]:
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns))
        return str(compiled), getattr(compiled, "positiontup", None)


def run(connection: Connection, text: str, values: Mapping[str, Any] | tuple[Any, ...] = ()) -> Any:
    """Execute *text*, which is written for the connection's driver. Returns the row that it returns, or None.

    Raises:
        SQLAlchemyError: It failed, whichever way it was executed.
    """
    if connection.dialect.name != "sqlite":
        result = connection.exec_driver_sql(text, values)
        return result.first() if result.returns_rows else None
    driver: Any = connection.connection.dbapi_connection
    try:
        return driver.execute(text, values).fetchone()
    except sqlite3.Error as exc:
        raise DBAPIError.instance(text, None, exc, sqlite3.Error, hide_parameters=True) from exc
