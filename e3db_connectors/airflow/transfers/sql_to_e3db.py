"""Rows of a table or a query into encrypted records."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook

from e3db_connectors.airflow.sql.cursors import KeptCursor
from e3db_connectors.airflow.sql.rows import QueryColumns
from e3db_connectors.airflow.sql.session import open_session
from e3db_connectors.airflow.sql.states import StateRow
from e3db_connectors.airflow.transfers.base import E3DBTransferOperator
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.writing import Failures, WriteOptions, open_writer
from e3db_connectors.sync.writing.outcomes import CREATED, FAILED, SUPERSEDED, UNCHANGED, UPDATED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow.sdk import Context

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing import RowWriter


class SqlToE3DBOperator(E3DBTransferOperator):
    """Encrypt the rows of a table or a query and write them as records; each row updates the record that has its key.

    A row that has not changed writes nothing, so a task that is repeated doubles nothing. With `incremental_column` only rows are read
    whose value is at least the greatest one of the last time; rows without a value always are. How far it has come is kept in the table
    `_e3db_state` of the database, and moves on when the rows before it are stored.

    :param record_type: The type of the records. (templated)
    :param key_columns: What tells rows apart. (templated)
    :param sql_conn_id: The connection of the database: PostgreSQL, DuckDB or SQLite. (templated)
    :param table: The table to read. (templated)
    :param schema: Its schema. (templated)
    :param sql: A query to read instead of a table. (templated)
    :param columns: Only these columns. (templated)
    :param plain_columns: Columns whose values also stay in clear, so that the server can search them. (templated)
    :param column_schemas: JSON Schemas of columns; by default as the database types them, or as the values are. (templated)
    :param incremental_column: A column whose value grows whenever a row changes. (templated)
    :param state_conn_id: Where `_e3db_state` is kept, if not in the database that is read. (templated)
    :param state_schema: The schema of that table. (templated)
    :param share_with: Ids of clients that may read the records. (templated)
    :param key_secret_conn_id: A connection whose password is the secret of the keys' hashes; by default it is derived from the private key.
    :param on_error: Rows that cannot be written: ``fail``, ``skip`` or ``dead_letter``.
    :param max_errors: More than these end the task anyway.
    :param dead_letter_file: Where ``dead_letter`` writes hashed keys and classes of errors; a file of the worker. (templated)
    :param batch_size: Rows that are held at once.
    :param workers: Rows that are on their way at once.
    :param sql_hook_params: For the hook of the connection.
    """

    template_fields: Sequence[str] = (
        "record_type",
        "key_columns",
        "sql_conn_id",
        "table",
        "schema",
        "sql",
        "columns",
        "plain_columns",
        "column_schemas",
        "incremental_column",
        "state_conn_id",
        "state_schema",
        "share_with",
        "dead_letter_file",
        "e3db_conn_id",
    )
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers = {"sql": "sql"}  # noqa: RUF012 - as Airflow declares it

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        key_columns: Sequence[str] | str,
        sql_conn_id: str,
        table: str | None = None,
        schema: str | None = None,
        sql: str | None = None,
        columns: Sequence[str] | None = None,
        plain_columns: Collection[str] = (),
        column_schemas: Mapping[str, Schema] | None = None,
        incremental_column: str | None = None,
        state_conn_id: str | None = None,
        state_schema: str | None = None,
        share_with: Collection[str] = (),
        key_secret_conn_id: str | None = None,
        on_error: str = "fail",
        max_errors: int = 100,
        dead_letter_file: str | None = None,
        batch_size: int = 1_000,
        workers: int = 16,
        sql_hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to write."""
        super().__init__(**kwargs)
        self.key_columns = key_columns
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self.sql = sql
        self.columns = columns
        self.plain_columns = plain_columns
        self.column_schemas = column_schemas
        self.incremental_column = incremental_column
        self.state_conn_id = state_conn_id
        self.state_schema = state_schema
        self.share_with = share_with
        self.key_secret_conn_id = key_secret_conn_id
        self.on_error = on_error
        self.max_errors = max_errors
        self.dead_letter_file = dead_letter_file
        self.batch_size = batch_size
        self.workers = workers
        self.sql_hook_params = sql_hook_params

    def execute(self, context: Context) -> dict[str, Any]:
        """Write.

        Returns:
            Counts, and the cursor.
        """
        with self.open_hook() as hook:
            if not self._keys:
                raise UsageError("key_columns is empty: each try of the task would write all rows once more")
            if bool(self.table) == bool(self.sql):
                raise UsageError("give either table or sql")
            client = hook.get_conn()
            manifest = self._write(client)
            self.tell(context, client, manifest)
        self.log.info("wrote %s", manifest)
        return manifest

    def _write(self, client: Client) -> dict[str, Any]:
        with open_session(self.sql_conn_id, self.sql_hook_params) as session, ExitStack() as stack:
            kept = self._kept(client, stack) if self.incremental_column else None
            columns = QueryColumns(self.record_type, self.column_schemas or {})
            counts: Counter[str] = Counter(dict.fromkeys((CREATED, UPDATED, UNCHANGED, SUPERSEDED, FAILED), 0))
            failures = Failures(self.on_error, self.max_errors, Path(self.dead_letter_file) if self.dead_letter_file else None)
            writer: RowWriter | None = None
            written_as: Mapping[str, Schema] = {}
            sql, parameters = self._query(session, kept)
            batches = stack.enter_context(closing(session.stream(sql, parameters, self.batch_size)))
            for names, types, rows in batches:
                self._require(names)
                taken = columns.take(names, types, rows)
                if writer is None or columns.schemas() != written_as:
                    written_as = columns.schemas()
                    writer = open_writer(client, self.record_type, written_as, self._keys, options=self._options(), failures=failures)
                counts.update(outcome.outcome for outcome in writer.write(taken))
                if kept is not None:
                    kept.see(rows, names.index(kept.column))
                    if not session.dialect.reads_block_writes:
                        kept.save()
            if kept is not None:
                kept.save()
        cursor = kept.shown() if kept else None
        return {"record_type": self.record_type, "table": self.table, "records": counts.total(), **counts, "cursor": cursor}

    def _query(self, session: Session, kept: KeptCursor | None) -> tuple[str, Sequence[Any]]:
        chosen = "*"
        if self.columns:
            needed = dict.fromkeys([*self.columns, *self._keys, *([kept.column] if kept else [])])
            chosen = ", ".join(map(session.quoted, needed))
        source = f"({self.sql.strip().rstrip(';')})" if self.sql else self._quoted_table(session)
        sql = f"SELECT {chosen} FROM {source} AS source"  # noqa: S608 - names are quoted, and the query is the user's
        if kept is None:
            return sql, ()
        column = session.quoted(kept.column)
        if kept.value is None:
            return f"{sql} ORDER BY {column}", ()
        return f"{sql} WHERE {column} >= {session.mark} OR {column} IS NULL ORDER BY {column}", (kept.value,)

    @property
    def _keys(self) -> list[str]:
        """The key's columns; one alone may be given as a text."""
        return [self.key_columns] if isinstance(self.key_columns, str) else list(self.key_columns)

    def _quoted_table(self, session: Session) -> str:
        return ".".join(session.quoted(name) for name in (self.schema, self.table) if name)

    def _require(self, names: Sequence[str]) -> None:
        wanted = [*self._keys, *self.plain_columns, *([self.incremental_column] if self.incremental_column else [])]
        missing = sorted(set(wanted) - set(names))
        if missing:
            raise UsageError(f"there is no column {', '.join(missing)}; there are {', '.join(names)}")

    def _kept(self, client: Client, stack: ExitStack) -> KeptCursor:
        same = self.state_conn_id in (None, self.sql_conn_id)
        session = stack.enter_context(open_session(self.state_conn_id or self.sql_conn_id, self.sql_hook_params if same else None))
        source = self.table or f"query {blake2b((self.sql or '').encode(), digest_size=8).hexdigest()}"
        schema = self.state_schema or session.dialect.schema(session)
        row = StateRow(session, schema, f"from {source}", client.client_id, self.record_type)
        return KeptCursor(row, self.incremental_column or "")

    def _options(self) -> WriteOptions:
        secret = BaseHook.get_connection(self.key_secret_conn_id).password if self.key_secret_conn_id else None
        return WriteOptions(key_secret=secret, share_with=self.share_with, workers=self.workers, plain_columns=self.plain_columns)
