"""Any other database for which Airflow has a hook: plain SQL, in the words of its SQLAlchemy dialect where there is one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar, Final

from airflow.sdk.exceptions import AirflowOptionalProviderFeatureException
from sqlalchemy import NullPool, inspect
from sqlalchemy import types as sa
from sqlalchemy.dialects import mssql, mysql
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import ArgumentError, NoSuchTableError

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.airflow.sql.dialects import Dialect, PostgreSQL
from e3db_connectors.airflow.sql.errors import told
from e3db_connectors.airflow.sql.staging import Stage, TableStage
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import stream_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from sqlalchemy import Engine
    from sqlalchemy.types import TypeEngine

    from e3db_connectors.airflow.sql.session import Session

_TEXT: Final = sa.UnicodeText().with_variant(mysql.LONGTEXT(), "mysql", "mariadb").with_variant(mssql.NVARCHAR(), "mssql")
_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    kinds.TEXT: _TEXT,
    kinds.INTEGER: sa.BigInteger(),
    kinds.NUMBER: sa.Double(),
    kinds.BOOLEAN: sa.Boolean(),
    kinds.JSON: _TEXT,
    # Databases differ in the digits and zones of their times; as texts of one form they are exact, and are compared rightly.
    kinds.TIME: sa.String(32),
}
_KEY_TYPE: Final = sa.String(255)

_DIGITS_OF_64_BITS: Final = 19
_MARKS: Final = ("qmark", "format", "pyformat")


class Generic(Dialect):
    """A database of which nothing is known but its hook.

    Tables are made and columns added before a transaction, never in it, for there are databases where that commits; rows are staged in a
    table (see `TableStage`) and taken over by plain ``UPDATE`` and ``INSERT``.

    Args:
        hook: The database's.
    """

    takes_nul = False
    reserved: ClassVar = PostgreSQL.reserved | {"oid", "rowid"}
    reads_block_writes = True  # of some; the cursor of a query is kept at its end, then
    parameters_max = 2_000
    prepare_tries = 5
    merges_alone = True

    def __init__(self, hook: DbApiHook) -> None:
        """Ask the hook how its database speaks."""
        self._hook, self._engine = hook, _engine_of(hook)
        self._sql = self._engine.dialect if self._engine else DefaultDialect()
        self.takes_rows_at_once = self._sql.supports_multivalues_insert
        if self._sql.name in ("mysql", "mariadb"):
            self.table_options = " CHARACTER SET utf8mb4"
        if self._sql.name == "mssql":
            self.add_column = "ADD"

    def connect(self, hook: DbApiHook) -> Any:
        """Open a connection with transactions.

        Raises:
            UsageError: The driver takes no list of parameters.
        """
        connection = hook.get_conn()
        driver = sys.modules.get(type(connection).__module__.partition(".")[0])
        if getattr(driver, "paramstyle", _MARKS[0]) not in _MARKS:
            connection.close()
            raise UsageError(f"the driver {driver.__name__ if driver else ''} takes parameters by name, which transfers do not write")
        if hook.supports_autocommit:
            hook.set_autocommit(connection, False)
        return connection

    def reading_cursor(self, connection: Any) -> Any:
        """A cursor; drivers of MySQL have one that does not fetch all rows at once."""
        driver = type(connection).__module__.partition(".")[0]
        unbuffered = getattr(sys.modules.get(f"{driver}.cursors"), "SSCursor", None)
        return connection.cursor(unbuffered) if unbuffered else connection.cursor()

    def quoted(self, name: str) -> str:
        """A name in the database's own quotes."""
        if self._engine is None:
            opening, closing = self._hook.escape_word_format.split("{}")
            return opening + name.replace(closing, closing * 2) + closing
        text = self._sql.identifier_preparer.quote_identifier(name)
        return text.replace("%%", "%") if self._sql.paramstyle in ("format", "pyformat") else text

    def type_of(self, kind: str) -> str:
        """What it calls a kind."""
        return _TYPES[kind].compile(dialect=self._sql)

    @property
    def key_type(self) -> str:
        """The type of a key, of which some databases want to know the length."""
        return _KEY_TYPE.compile(dialect=self._sql)

    def key_text(self, text: str) -> str:
        """A text as a key: many databases take texts for the same that differ in case, accents or spaces at the end."""
        return stream_name(text)

    def refuses(self, name: str) -> bool:
        """Names that some databases keep for themselves; and MySQL takes none with a space at its end."""
        return super().refuses(name) or name != name.strip()

    def stage(self, session: Session, schema: str, name: str, columns: Mapping[str, str]) -> Stage:
        """A table of its own: temporary ones are different everywhere."""
        return TableStage(session, schema, name, columns)

    def schema(self, session: Session) -> str:
        """The schema of the connection; empty if there is none."""
        if self._engine is None:
            return super().schema(session)
        try:
            return inspect(self._engine).default_schema_name or ""
        except Exception as exc:  # noqa: BLE001 - the drivers have no common base
            raise told(exc) from None

    def columns(self, session: Session, schema: str, table: str) -> dict[str, str]:
        """The columns of a table, as far as they are committed."""
        if self._engine is None:
            return super().columns(session, schema, table)
        try:
            found = inspect(self._engine).get_columns(table, schema=schema or None)
        except NoSuchTableError:
            return {}
        except Exception as exc:  # noqa: BLE001 - as above
            raise told(exc) from None
        return {str(column["name"]): self._name_of(column["type"]) for column in found}

    def kind(self, type_name: str) -> str | None:
        """What a column of this type holds, by its name up to the length."""
        name = type_name.lower()
        same = next((kind for kind in (kinds.BOOLEAN, kinds.INTEGER, kinds.NUMBER, kinds.TEXT) if self.type_of(kind).lower() == name), None)
        return same or _KINDS.get(name.partition("(")[0].strip())

    def widen(self, session: Session, table: str, column: str, kind: str, before: str) -> None:  # noqa: ARG002 - nothing is done
        """Refuse: each database has its own words for that, and some cannot.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            f"column {column} of {table} is of type {self.type_of(before)}, and has to be {self.type_of(kind)} by now, which transfers cannot "
            "do in this database; change it, or load into a new table"
        )

    def _name_of(self, kind: TypeEngine[Any]) -> str:
        if getattr(kind, "display_width", None) == 1:  # MySQL's TINYINT(1)
            return self.type_of(kinds.BOOLEAN)
        short = isinstance(kind, sa.REAL) or (self._sql.name in ("mysql", "mariadb") and not isinstance(kind, sa.Double))
        if isinstance(kind, sa.Float) and not short:
            return self.type_of(kinds.NUMBER)
        if isinstance(kind, sa.Numeric) and kind.scale == 0 and (kind.precision or 0) >= _DIGITS_OF_64_BITS:
            return self.type_of(kinds.INTEGER)  # in databases whose integers are all of them decimals
        try:
            return kind.compile(dialect=self._sql)
        except Exception:  # noqa: BLE001 - a type that SQLAlchemy does not know
            return str(kind)


_KINDS: Final = {
    **dict.fromkeys(("char", "varchar", "nvarchar", "character varying", "text", "ntext", "longtext", "mediumtext", "string"), kinds.TEXT),
    **dict.fromkeys(("bigint",), kinds.INTEGER),
    **dict.fromkeys(("double", "double precision", "float8"), kinds.NUMBER),
    **dict.fromkeys(("bool", "boolean", "bit"), kinds.BOOLEAN),
}
"""The kinds of types that hold whatever is of the kind."""


def _engine_of(hook: DbApiHook) -> Engine | None:
    """The hook's engine; None: its database has no dialect of SQLAlchemy, or not on this machine.

    Raises:
        UsageError: The dialect is there, but no driver for it.
    """
    try:
        return hook.get_sqlalchemy_engine({"poolclass": NullPool})
    except (ArgumentError, NotImplementedError, AirflowOptionalProviderFeatureException):
        return None
    except ImportError as exc:
        raise UsageError(f"SQLAlchemy cannot use the connection {hook.get_conn_id()}: {exc}; install that driver") from None
