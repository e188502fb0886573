"""A connection to a warehouse.

It is the driver's own, not `DbApiHook.run`: that logs statements with their parameters, and they are decrypted values.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.sdk import BaseHook

from e3db_connectors.airflow.sql.dialects import Dialect, dialect_of
from e3db_connectors.airflow.sql.errors import told
from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence


class Session:
    """Statements and transactions of one connection; all names in statements are quoted by `quoted`.

    Args:
        connection: The driver's.
        dialect: The database's.
        mark: Stands for a parameter: ``?`` or ``%s``.
    """

    def __init__(self, connection: Any, dialect: Dialect, mark: str) -> None:
        """Keep them."""
        self.dialect, self.mark = dialect, mark
        self._connection = connection
        self._cursor = dialect.cursor(connection)

    def quoted(self, name: str) -> str:
        """A name in a statement."""
        return self.verbatim('"' + name.replace('"', '""') + '"')

    def verbatim(self, sql: str) -> str:
        """A statement's text without parameters, whatever percent signs are in it."""
        return sql.replace("%", "%%") if self.mark == "%s" else sql

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement.

        Raises:
            WarehouseError: The database refuses; what it says is passed on where it holds no value.
        """
        try:
            self._cursor.execute(sql, parameters)
        except Exception as exc:  # noqa: BLE001 - the drivers have no common base
            raise told(exc) from None

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> list[Sequence[Any]]:
        """All rows of a query."""
        self.execute(sql, parameters)
        try:
            rows = self._cursor.fetchall()
        except Exception as exc:  # noqa: BLE001 - as above
            raise told(exc) from None
        return [_plain(row) for row in rows]

    def stream(self, sql: str, parameters: Sequence[Any], size: int) -> Generator[tuple[list[str], list[str | None], list[Sequence[Any]]]]:
        """The rows of a query, some at a time, in the memory of some: names and types of the columns, and rows.

        Raises:
            WarehouseError: As `execute`.
        """
        cursor = self.dialect.reading_cursor(self._connection)
        try:
            cursor.execute(sql, parameters)
            while rows := cursor.fetchmany(size):
                names = [str(column[0]) for column in cursor.description]
                yield names, self.dialect.types_of(cursor.description), [_plain(row) for row in rows]
        except Exception as exc:  # noqa: BLE001 - the drivers have no common base
            raise told(exc) from None
        finally:
            if cursor is not self._cursor:
                with suppress(Exception):
                    cursor.close()

    @contextmanager
    def transaction(self, *, writing: bool = True) -> Iterator[None]:
        """All or nothing of what the block does.

        Args:
            writing: It writes other than temporary tables.
        """
        try:
            self.dialect.begin(self._cursor, writing=writing)
        except Exception as exc:  # noqa: BLE001 - as above
            raise told(exc) from None
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the connection may be gone, and with it the transaction
                self._connection.rollback()
            raise
        try:
            self._connection.commit()
        except Exception as exc:  # noqa: BLE001 - as above
            with suppress(Exception):
                self._connection.rollback()
            raise told(exc) from None

    def close(self) -> None:
        """Close the connection; what is not committed is gone."""
        with suppress(Exception):
            self._connection.close()


@contextmanager
def open_session(conn_id: str, hook_params: Mapping[str, Any] | None = None) -> Iterator[Session]:
    """A session for the time of the block.

    Args:
        conn_id: A connection of Airflow.
        hook_params: For its hook.

    Raises:
        UsageError: It is no connection to a database that transfers know.
        WarehouseError: The database cannot be reached.
    """
    hook = BaseHook.get_connection(conn_id).get_hook(hook_params=dict(hook_params or {}))  # type: ignore[no-untyped-call]
    if not isinstance(hook, DbApiHook):
        raise UsageError(f"the connection {conn_id} is none to a database")
    dialect = dialect_of(hook)
    try:
        connection = dialect.connect(hook)
    except Exception as exc:  # noqa: BLE001 - the drivers have no common base
        raise told(exc) from None
    session = Session(connection, dialect, hook.placeholder)
    try:
        yield session
    finally:
        session.close()


def _plain(row: Any) -> Sequence[Any]:
    """A row as a sequence; a connection of Airflow may ask for rows as dicts."""
    return tuple(row.values()) if isinstance(row, dict) else row
