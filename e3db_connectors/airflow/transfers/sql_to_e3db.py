"""Rows of a table or a query into encrypted records."""

from __future__ import annotations

from contextlib import ExitStack, closing
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.lineage import places_in_database
from e3db_connectors.airflow.sql.cursors import KeptCursor
from e3db_connectors.airflow.sql.session import open_session
from e3db_connectors.airflow.sql.states import StateRow
from e3db_connectors.airflow.transfers.writing import E3DBWritingOperator
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import require_several

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from e3db_connectors.airflow.lineage import Place
    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.client import Client


class SqlToE3DBOperator(E3DBWritingOperator):
    """Encrypt the rows of a table or a query and write them as records; each row updates the record that has its key.

    A row that has not changed writes nothing, so a task that is repeated doubles nothing. With `incremental_column` only rows are read
    whose value is at least the greatest one of the last time; rows without a value always are. How far it has come is kept in the table
    `_e3db_state` of the database, and moves on when the rows before it are stored.

    :param sql_conn_id: The connection of the database: any for which Airflow has a hook. (templated)
    :param table: The table to read. (templated)
    :param schema: Its schema. (templated)
    :param sql: A query to read instead of a table. (templated)
    :param columns: Only these columns, and those of the key. (templated)
    :param incremental_column: A column whose value grows whenever a row changes. (templated)
    :param state_conn_id: Where `_e3db_state` is kept, if not in the database that is read. (templated)
    :param state_schema: The schema of that table. (templated)
    :param sql_hook_params: For the hook of the connection.

    The other parameters are those of `E3DBWritingOperator`.
    """

    template_fields: Sequence[str] = (
        *E3DBWritingOperator.template_fields,
        "sql_conn_id",
        "table",
        "schema",
        "sql",
        "columns",
        "incremental_column",
        "state_conn_id",
        "state_schema",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012 - as Airflow declares it

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        sql_conn_id: str,
        table: str | None = None,
        schema: str | None = None,
        sql: str | None = None,
        columns: Sequence[str] | None = None,
        incremental_column: str | None = None,
        state_conn_id: str | None = None,
        state_schema: str | None = None,
        sql_hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep where from."""
        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self.sql = sql
        self.columns = columns
        self.incremental_column = incremental_column
        self.state_conn_id = state_conn_id
        self.state_schema = state_schema
        self.sql_hook_params = sql_hook_params

    def execute(self, context: Context) -> dict[str, Any]:
        """Write.

        Returns:
            Counts, and the cursor.
        """
        with self.open_hook() as hook:
            require_several(self.columns, "columns")
            if bool(self.table) == bool(self.sql):
                raise UsageError("give either table or sql")
            client = hook.get_conn()
            manifest = self._write(client)
            self.tell(context, client, manifest)
        self.log.info("wrote %s", manifest)
        return manifest

    def places(self, manifest: dict[str, Any]) -> list[Place]:  # noqa: ARG002 - it is known before
        """The table, or the tables of the query."""
        return places_in_database(self.sql_conn_id, self.sql_hook_params, self.schema, table=self.table, sql=self.sql)

    def _write(self, client: Client) -> dict[str, Any]:
        writing = self.writing(client)
        with open_session(self.sql_conn_id, self.sql_hook_params) as session, ExitStack() as stack:
            kept = self._kept(client, stack) if self.incremental_column else None
            sql, parameters = self._query(session, kept)
            batches = stack.enter_context(closing(session.stream(sql, parameters, self.batch_size)))
            for names, types, rows in batches:
                if kept is not None and kept.column not in names:
                    raise UsageError(f"there is no column {kept.column}; there are {', '.join(names)}")
                self._require_columns(names)
                writing.write(names, types, rows)
                if kept is not None:
                    kept.see(rows, names.index(kept.column))
                    if not session.dialect.reads_block_writes:
                        kept.save()
            if kept is not None:
                kept.save()
        return {"record_type": self.record_type, "table": self.table, **writing.counts(), "cursor": kept.shown() if kept else None}

    def _require_columns(self, names: Sequence[str]) -> None:
        """SQLite takes a quoted name that is no column for a text."""
        there = {name.casefold() for name in names}
        missing = [name for name in self.columns or () if name.casefold() not in there]
        if missing:
            raise UsageError(f"there is no column {', '.join(missing)}; check columns")

    def _query(self, session: Session, kept: KeptCursor | None) -> tuple[str, Sequence[Any]]:
        chosen = "*"
        if self.columns:
            needed = dict.fromkeys([*self.columns, *self.keys, *([kept.column] if kept else [])])
            chosen = ", ".join(map(session.quoted, needed))
        source = f"({session.verbatim(self.sql.strip().rstrip(';'))})" if self.sql else self._quoted_table(session)
        sql = f"SELECT {chosen} FROM {source} source"  # noqa: S608 - names are quoted, and the query is the user's
        if kept is None:
            return sql, ()
        column = session.quoted(kept.column)
        if kept.value is None:
            return f"{sql} ORDER BY {column}", ()
        return f"{sql} WHERE {column} >= {session.mark} OR {column} IS NULL ORDER BY {column}", (kept.value,)

    def _quoted_table(self, session: Session) -> str:
        return session.qualified(self.schema or "", self.table or "")

    def _kept(self, client: Client, stack: ExitStack) -> KeptCursor:
        same = self.state_conn_id in (None, self.sql_conn_id)
        session = stack.enter_context(open_session(self.state_conn_id or self.sql_conn_id, self.sql_hook_params if same else None))
        schema = self.state_schema or session.dialect.schema(session)
        conn_id = None if same else self.sql_conn_id  # one table of states may serve many databases
        row = StateRow(session, schema, self._source(conn_id), client.client_id, self.record_type, self._source_before(conn_id))
        return KeptCursor(row, self.incremental_column or "")

    def _source(self, conn_id: str | None) -> str:
        """What the cursor is kept under; no other source has the same."""
        place = ".".join(_quoted(part) for part in (self.schema, self.table) if part) if self.table else self._query_name
        return " ".join(["from", *([_quoted(conn_id)] if conn_id else []), place])

    def _source_before(self, conn_id: str | None) -> str | None:
        """What earlier versions kept it under; None: that may have been another source's."""
        if any(character in part for part in (conn_id, self.schema, self.table) if part for character in ". "):
            return None
        place = ".".join(part for part in (self.schema, self.table or self._query_name) if part)
        return " ".join(["from", *([conn_id] if conn_id else []), place])

    @property
    def _query_name(self) -> str:
        return f"query {blake2b((self.sql or '').encode(), digest_size=8).hexdigest()}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
