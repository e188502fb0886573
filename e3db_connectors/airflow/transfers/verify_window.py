"""Checking that a window has arrived in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowException

from e3db_connectors.airflow.operators.base import E3DBOperator
from e3db_connectors.airflow.sql.session import open_session
from e3db_connectors.airflow.transfers.windows import text_of, window_of
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import stream_name
from e3db_connectors.sync.reading import ClientSource, Engine
from e3db_connectors.sync.reading.full import look_for
from e3db_connectors.sync.rows import CURSOR, KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.transfers.windows import Window
    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Meta, Result

_SHOWN: Final = 5
_BATCH: Final = 500


class E3DBVerifyWindowOperator(E3DBOperator):
    """Check that each record which was changed last in a window is in a table, as it is or newer; nothing is decrypted.

    What was deleted meanwhile is not missed. It fails if anything else is missing.

    :param record_type: The type. (templated)
    :param sql_conn_id: The connection of the database. (templated)
    :param table: The table; by default it is called like the type. (templated)
    :param schema: Its schema. (templated)
    :param since: The begin of the window. (templated)
    :param until: Its end. (templated)
    :param all_writers: Also what others share with the client.
    :param sql_hook_params: For the hook of the connection.
    :param e3db_conn_id: The connection of the client that reads. (templated)
    """

    template_fields: Sequence[str] = ("record_type", "sql_conn_id", "table", "schema", "since", "until", "e3db_conn_id")

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        record_type: str,
        sql_conn_id: str,
        table: str | None = None,
        schema: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        all_writers: bool = False,
        sql_hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to check."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self.since = since
        self.until = until
        self.all_writers = all_writers
        self.sql_hook_params = sql_hook_params

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's
        """Check.

        Returns:
            How many records there are in the window.
        """
        with self.open_hook() as hook:
            window = window_of(self.since, self.until)
            with open_session(self.sql_conn_id, self.sql_hook_params) as session:
                records, missing = self._compare(hook.get_conn(), session, window)
        if missing:
            shown = ", ".join(sorted(missing)[:_SHOWN])
            raise AirflowException(f"{len(missing)} of {records} records of the window are not in the table as they are: {shown}")
        return {"record_type": self.record_type, "since": text_of(window.since), "until": text_of(window.until), "records": records}

    def _compare(self, client: Client, session: Session, window: Window) -> tuple[int, set[str]]:
        """How many records there are, and the ids of those that the table has not."""
        schema = self.schema or session.dialect.schema(session)
        name = self.table or stream_name(self.record_type)
        if not session.dialect.columns(session, schema, name):
            raise UsageError(f"there is no table {schema}.{name}")
        table = session.qualified(schema, name)
        source, records = ClientSource(client), 0
        lacking: dict[str, str] = {}
        engine = Engine(source, self.record_type, since=window.since, until=window.until, all_writers=self.all_writers, opener=_meta_of)
        for step in engine.run():
            records += len(step.rows)
            for at in range(0, len(step.rows), _BATCH):
                lacking |= _lacking(session, table, step.rows[at : at + _BATCH])
        found = look_for(source, self.record_type, lacking) if lacking else None
        return records, set(found.present | found.lost) if found else set()


def _meta_of(result: Result) -> Meta:
    return result.meta


def _lacking(session: Session, table: str, metas: Sequence[Meta]) -> dict[str, str]:
    """The records, and their writers, that a table has neither in this version nor in a newer one."""
    key, cursor, version, mark = session.quoted(KEY), session.quoted(CURSOR), session.quoted("_e3db_version"), session.mark
    marks = ", ".join([mark] * len(metas))
    ids = [meta.record_id for meta in metas]
    found = session.fetch(f"SELECT {key}, {version} FROM {table} WHERE {key} IN ({marks})", ids)  # noqa: S608 - quoted
    there = {str(row[0]): str(row[1]) for row in found}
    lacking = {}
    for meta in metas:
        if there.get(meta.record_id) == meta.version:
            continue
        newer = f"SELECT 1 FROM {table} WHERE {key} = {mark} AND {cursor} >= {mark}"  # noqa: S608 - quoted
        if meta.record_id not in there or not session.fetch(newer, (meta.record_id, meta.last_modified)):
            lacking[meta.record_id] = meta.writer_id
    return lacking
