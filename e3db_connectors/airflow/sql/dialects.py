"""What differs between databases."""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, Final

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.airflow.sql.staging import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from e3db_connectors.airflow.sql.session import Session

LOCK_WAIT: Final = 300.0
"""Seconds to wait for others who write to a database that one may write to at a time."""

_LOCK_STEP: Final = 0.2


class Dialect:
    """A database in which an upsert is ``INSERT … ON CONFLICT``, and which makes tables in transactions."""

    types: ClassVar[Mapping[str, str]]
    """What it calls each kind."""

    aliases: ClassVar[Mapping[str, str]] = {}
    """The kinds of types that it tells in other words, in lower case."""

    exact_numbers = False
    takes_nul = True
    folds_names = True
    """Names that differ in case alone are one."""

    reserved: ClassVar[frozenset[str]] = frozenset()
    """Names that no column can have, in lower case."""

    takes_rows_at_once = True
    """``INSERT`` takes several rows."""

    prepare_tries = 1
    """How often to try to make a table, where others cannot be kept from making it at the same time."""

    merges_alone = False
    """Two tasks that take rows over into one table at the same time would lock each other out."""

    add_column = "ADD COLUMN"
    table_options = ""
    """What stands behind the columns of a new table."""

    reads_block_writes = False
    """While a query is being read, no other connection can commit."""

    parameters_max = 30_000
    """Parameters of a statement."""

    def connect(self, hook: DbApiHook) -> Any:
        """Open a connection."""
        return hook.get_conn()

    def cursor(self, connection: Any) -> Any:
        """What executes statements of the connection's transaction."""
        return connection.cursor()

    def reading_cursor(self, connection: Any) -> Any:
        """What executes a query whose rows are fetched some at a time, and do not all come to this machine first."""
        return connection.cursor()

    def types_of(self, description: Sequence[Sequence[Any]]) -> list[str | None]:
        """The types of a query's columns, in the words of SQL; None where only the values tell.

        Args:
            description: The cursor's.
        """
        return [None for _ in description]

    def quoted(self, name: str) -> str:
        """A name in quotes."""
        return '"' + name.replace('"', '""') + '"'

    def type_of(self, kind: str) -> str:
        """What it calls a kind."""
        return self.types[kind]

    @property
    def key_type(self) -> str:
        """The type of a key that is a text."""
        return self.type_of(kinds.TEXT)

    def key_text(self, text: str) -> str:
        """A text as a key."""
        return text

    def refuses(self, name: str) -> bool:
        """Whether no column can have this name."""
        return name.lower() in self.reserved

    def stage(self, session: Session, schema: str, name: str, columns: Mapping[str, str]) -> Stage:
        """Make a place for rows on their way; see `Stage`."""
        return Stage(session, schema, name, columns)

    def begin(self, cursor: Any, *, writing: bool) -> None:
        """Begin a transaction, where that does not happen by itself.

        Args:
            cursor: Of the connection.
            writing: It will write other than temporary tables.
        """

    def lock(self, session: Session, name: str) -> None:
        """Keep others from making or widening the same table until the transaction ends."""

    def schema(self, session: Session) -> str:
        """The schema in which tables are made that name none."""
        [[name]] = session.fetch("SELECT current_schema()")
        return str(name)

    def columns(self, session: Session, schema: str, table: str) -> dict[str, str]:
        """The columns of a table and what the database calls their types; nothing if it is not there."""
        mark = session.mark
        sql = "SELECT column_name, data_type FROM information_schema.columns"
        rows = session.fetch(f"{sql} WHERE table_schema = {mark} AND table_name = {mark} ORDER BY ordinal_position", (schema, table))
        return {str(name): str(kind) for name, kind in rows}

    def kind(self, type_name: str) -> str | None:
        """What a column of this type holds; None: what these transfers do not fill."""
        name = type_name.lower()
        return next((kind for kind, made in self.types.items() if made.lower() == name), self.aliases.get(name))

    def widen(self, session: Session, table: str, column: str, kind: str, _before: str) -> None:
        """Change a column to a wider kind."""
        session.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {self.types[kind]}")


_NUMBERED_TYPES: Final = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "SMALLINT",
    23: "INTEGER",
    700: "REAL",
    701: "DOUBLE PRECISION",
    1082: "DATE",
    1184: "TIMESTAMP WITH TIME ZONE",
    1700: "NUMERIC",
}
"""Of PostgreSQL, in `pg_type`; they never change."""


class PostgreSQL(Dialect):
    """PostgreSQL, and what speaks like it."""

    types: ClassVar = {
        kinds.TEXT: "TEXT",
        kinds.INTEGER: "BIGINT",
        kinds.NUMBER: "NUMERIC",
        kinds.BOOLEAN: "BOOLEAN",
        kinds.JSON: "JSONB",
        kinds.TIME: "TIMESTAMP WITH TIME ZONE",
    }
    aliases: ClassVar = {"character varying": kinds.TEXT, "json": kinds.JSON}
    exact_numbers = True
    takes_nul = False
    folds_names = False
    reserved: ClassVar = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})

    def reading_cursor(self, connection: Any) -> Any:
        """A cursor of the server's: without a name, all rows come at once."""
        return connection.cursor(name="e3db_rows")

    def types_of(self, description: Sequence[Sequence[Any]]) -> list[str | None]:
        """The types, by the numbers that the server gives them."""
        return [_NUMBERED_TYPES.get(column[1]) for column in description]

    def lock(self, session: Session, name: str) -> None:
        """An advisory lock: that two transactions make one table at once is an error there."""
        number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
        session.execute(f"SELECT pg_advisory_xact_lock({session.mark})", (number,))

    def widen(self, session: Session, table: str, column: str, kind: str, _before: str) -> None:
        """Change a column to a wider kind."""
        made = self.types[kind]
        session.execute(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {made} USING {column}::{made}")


class DuckDB(Dialect):
    """DuckDB; one process at a time may have a file open."""

    types: ClassVar = {
        kinds.TEXT: "VARCHAR",
        kinds.INTEGER: "BIGINT",
        kinds.NUMBER: "DOUBLE",
        kinds.BOOLEAN: "BOOLEAN",
        kinds.JSON: "JSON",
        kinds.TIME: "TIMESTAMP WITH TIME ZONE",
    }

    def connect(self, hook: DbApiHook) -> Any:
        """Open the file as soon as no other process has it open."""
        deadline = time.monotonic() + LOCK_WAIT
        while True:
            try:
                return hook.get_conn()
            except Exception as exc:
                if type(exc).__name__ != "IOException" or "lock" not in str(exc) or time.monotonic() > deadline:
                    raise
            time.sleep(_LOCK_STEP)

    def cursor(self, connection: Any) -> Any:
        """The connection itself: a cursor would be another connection, with transactions of its own."""
        return connection

    def types_of(self, description: Sequence[Sequence[Any]]) -> list[str | None]:
        """The types, which it names."""
        return [str(column[1]) for column in description]

    def begin(self, cursor: Any, *, writing: bool) -> None:  # noqa: ARG002 - writers do not lock each other out
        """Begin."""
        cursor.execute("BEGIN TRANSACTION")

    def columns(self, session: Session, schema: str, table: str) -> dict[str, str]:
        """As others, but of the current database alone."""
        mark = session.mark
        sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_catalog = current_database()"
        rows = session.fetch(f"{sql} AND table_schema = {mark} AND table_name = {mark} ORDER BY ordinal_position", (schema, table))
        return {str(name): str(kind) for name, kind in rows}


class SQLite(Dialect):
    """SQLite."""

    reads_block_writes = True

    types: ClassVar = {
        kinds.TEXT: "TEXT",
        kinds.INTEGER: "BIGINT",
        kinds.NUMBER: "DOUBLE",
        kinds.BOOLEAN: "BOOLEAN",
        kinds.JSON: "JSON_TEXT",  # what has TEXT in its name is stored as it comes
        kinds.TIME: "TEXT",
    }
    aliases: ClassVar = {"integer": kinds.INTEGER, "real": kinds.NUMBER}

    def connect(self, hook: DbApiHook) -> Any:
        """Open a connection that waits for others, and keeps what is staged out of files."""
        connection = hook.get_conn()
        connection.isolation_level = None  # transactions as they are asked for
        connection.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT * 1000)}")
        connection.execute("PRAGMA temp_store = MEMORY")
        return connection

    def begin(self, cursor: Any, *, writing: bool) -> None:
        """Begin; who is going to write takes the lock at once, for later it might be refused."""
        cursor.execute("BEGIN IMMEDIATE" if writing else "BEGIN")

    def schema(self, session: Session) -> str:  # noqa: ARG002 - it has no current one
        """The database of the connection's file."""
        return "main"

    def columns(self, session: Session, schema: str, table: str) -> dict[str, str]:
        """The columns of a table."""
        rows = session.fetch("SELECT name, type FROM pragma_table_info(?, ?)", (table, schema))
        return {str(name): str(kind) for name, kind in rows}

    def widen(self, session: Session, table: str, column: str, kind: str, before: str) -> None:
        """Copy a column into a wider one: the declared type decides what SQLite makes of a text."""
        copied = f"CAST({column} AS {self.types[kind]})"
        if before == kinds.BOOLEAN:
            copied = f"CASE {column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"
        session.execute(f'ALTER TABLE {table} ADD COLUMN "_e3db_wider" {self.types[kind]}')
        session.execute(f'UPDATE {table} SET "_e3db_wider" = {copied}')  # noqa: S608 - both are quoted
        session.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
        session.execute(f'ALTER TABLE {table} RENAME COLUMN "_e3db_wider" TO {column}')


DIALECTS: Final[Mapping[str, Dialect]] = {
    "postgres": PostgreSQL(),
    "postgresql": PostgreSQL(),
    "duckdb": DuckDB(),
    "sqlite": SQLite(),
}
"""By the type of a connection, or what Airflow calls the dialect of its hook."""
