"""A connection to a warehouse.

It is the driver's own, not `DbApiHook.run`: that logs statements with their parameters, and they are decrypted values.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk import BaseHook

from e3db_connectors.airflow.sql.dialects import DIALECTS, Dialect
from e3db_connectors.airflow.sql.errors import WarehouseError, told
from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from airflow.providers.common.sql.hooks.sql import DbApiHook

Prepared = TypeVar("Prepared")


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
        self._in_transaction = False
        self._drops: list[str] = []

    def quoted(self, name: str) -> str:
        """A name in a statement."""
        return self.verbatim(self.dialect.quoted(name))

    def qualified(self, schema: str, name: str) -> str:
        """A table in a statement; the schema may be empty."""
        return ".".join(self.quoted(part) for part in (schema, name) if part)

    def verbatim(self, sql: str) -> str:
        """A statement's text without parameters, whatever percent signs are in it."""
        return sql.replace("%", "%%") if self.mark == "%s" else sql

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Execute a statement.

        Raises:
            WarehouseError: The database refuses; what it says is passed on where it holds no value.
        """
        try:
            self._cursor.execute(sql, tuple(parameters))
        except Exception as exc:  # noqa: BLE001 - the drivers have no common base
            raise told(exc) from None

    def execute_many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Execute a statement for each row of parameters.

        Raises:
            WarehouseError: As `execute`.
        """
        try:
            self._cursor.executemany(sql, rows)
        except Exception as exc:  # noqa: BLE001 - as above
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
        """All or nothing of what the block does; within another one it is part of that.

        Args:
            writing: It writes other than temporary tables.
        """
        if self._in_transaction:
            yield
            return
        try:
            self.dialect.begin(self._cursor, writing=writing)
        except Exception as exc:  # noqa: BLE001 - as above
            raise told(exc) from None
        self._in_transaction = True
        try:
            yield
        except BaseException:
            with suppress(Exception):  # the connection may be gone, and with it the transaction
                self._connection.rollback()
            raise
        finally:
            self._in_transaction = False
        try:
            self._connection.commit()
        except Exception as exc:  # noqa: BLE001 - as above
            with suppress(Exception):
                self._connection.rollback()
            raise told(exc) from None

    def locked(self, name: str, prepare: Callable[[], Prepared]) -> Prepared:
        """Prepare a table in a transaction, while nobody else does, or again after somebody else has.

        Raises:
            WarehouseError: The database refuses.
        """
        for _ in range(self.dialect.prepare_tries - 1):
            with suppress(WarehouseError), self.transaction():
                self.dialect.lock(self, name)
                return prepare()
        with self.transaction():
            self.dialect.lock(self, name)
            return prepare()

    def drop_at_end(self, table: str) -> None:
        """Drop a table when the session is closed."""
        self._drops.append(table)

    def close(self) -> None:
        """Close the connection; what is not committed is gone."""
        for table in self._drops:
            with suppress(Exception), self.transaction():
                self.execute(f"DROP TABLE {table}")
        with suppress(Exception):
            self._connection.close()


@contextmanager
def open_session(conn_id: str, hook_params: Mapping[str, Any] | None = None) -> Iterator[Session]:
    """A session for the time of the block.

    Args:
        conn_id: A connection of Airflow.
        hook_params: For its hook.

    Raises:
        UsageError: It is no connection to a database, or its driver is none that transfers can use.
        WarehouseError: The database cannot be reached.
    """
    from airflow.providers.common.sql.hooks.sql import DbApiHook  # not at the head: each DAG file that is read would pay for it

    hook = BaseHook.get_connection(conn_id).get_hook(hook_params=dict(hook_params or {}))  # type: ignore[no-untyped-call]
    if not isinstance(hook, DbApiHook):
        raise UsageError(f"the connection {conn_id} is none to a database")
    dialect = _dialect_of(hook)
    try:
        connection = dialect.connect(hook)
    except UsageError:
        raise
    except Exception as exc:  # noqa: BLE001 - the drivers have no common base
        raise told(exc) from None
    session = Session(connection, dialect, hook.placeholder)
    try:
        yield session
    finally:
        session.close()


def _dialect_of(hook: DbApiHook) -> Dialect:
    """The dialect of a hook."""
    for name in (hook.conn_type, hook.dialect_name):
        if name in DIALECTS:
            return DIALECTS[name]
    from e3db_connectors.airflow.sql.generic import Generic

    return Generic(hook)


def _plain(row: Any) -> Sequence[Any]:
    """A row as a sequence; a connection of Airflow may ask for rows as dicts."""
    return tuple(row.values()) if isinstance(row, dict) else row
