"""Records into a table of any database that Airflow has a hook for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from e3db_connectors.airflow.lineage import places_in_database
from e3db_connectors.airflow.sql.deletes import Gone, mark_deleted
from e3db_connectors.airflow.sql.loading import Loader
from e3db_connectors.airflow.sql.notes import NOTES, notes_of, warning_of
from e3db_connectors.airflow.sql.session import open_session
from e3db_connectors.airflow.sql.states import StateRow
from e3db_connectors.airflow.sql.tables import prepare
from e3db_connectors.airflow.transfers import windows
from e3db_connectors.airflow.transfers.reading import E3DBReadingOperator
from e3db_connectors.sync.names import stream_name
from e3db_connectors.sync.reading import ClientSource
from e3db_connectors.sync.report import Run
from e3db_connectors.sync.rows import KEY
from e3db_connectors.wire.records import Meta

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from e3db_connectors.airflow.lineage import Place
    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.tables import Table
    from e3db_connectors.airflow.transfers.reading import Reading
    from e3db_connectors.airflow.transfers.windows import Window
    from e3db_connectors.client import Client
    from e3db_connectors.errors import ValueMismatch
    from e3db_connectors.sync.report import Report


class _Prepared(NamedTuple):
    """What is loaded into, and what is to be said of it beforehand."""

    table: Table
    row: StateRow
    state: dict[str, Any] | None
    warnings: list[str]


class E3DBToSqlOperator(E3DBReadingOperator):
    """Load records into a table, by their ids.

    Without `since` and `until` it loads what was changed since the last time. What that was is kept in the table `_e3db_state` beside
    the table, and changes in the transactions of the loads: a task that fails, is killed or repeated neither loses nor doubles. Other
    `columns`, or another policy, count for what is loaded from then on; the first run with them warns of that.

    With one of them it loads that window, all of it or nothing, and no row that is older than the one that is there.

    :param sql_conn_id: The connection of the database: any for which Airflow has a hook. (templated)
    :param table: The table; by default it is called like the type. It is made and widened as needed. (templated)
    :param schema: Its schema; by default the connection's own. (templated)
    :param detect_deletes: Mark rows whose records have been deleted, in the column `_e3db_deleted_at`; costs a listing of all ids.
    :param sql_hook_params: For the hook of the connection.

    The other parameters are those of `E3DBReadingOperator`.
    """

    template_fields: Sequence[str] = (*E3DBReadingOperator.template_fields, "sql_conn_id", "table", "schema")

    def __init__(
        self,
        *,
        sql_conn_id: str,
        table: str | None = None,
        schema: str | None = None,
        detect_deletes: bool = False,
        sql_hook_params: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep where to."""
        super().__init__(**kwargs)
        self.sql_conn_id = sql_conn_id
        self.table = table
        self.schema = schema
        self.detect_deletes = detect_deletes
        self.sql_hook_params = sql_hook_params

    def execute(self, context: Context) -> dict[str, Any]:
        """Load.

        Returns:
            Counts and cursors.
        """
        with self.open_hook() as hook:
            window = self.window()
            client = hook.get_conn()
            self.await_end(client, window)
            with open_session(self.sql_conn_id, self.sql_hook_params) as session:
                manifest = self._load(client, session, window)
            self.tell(context, client, manifest)
        self.log.info("loaded %s", manifest)
        return manifest

    def places(self, manifest: dict[str, Any]) -> list[Place]:
        """The table."""
        return places_in_database(self.sql_conn_id, self.sql_hook_params, manifest["schema"], table=manifest["table"])

    def _load(self, client: Client, session: Session, window: Window) -> dict[str, Any]:
        run = Run(client, self.record_type)
        reading = self.reading(client, run)
        name = self.table or stream_name(self.record_type)
        table, row, state, warnings = session.locked(name, lambda: self._prepared(client, session, name, reading, window))
        for warning in warnings:
            self.log.warning(warning)
        purpose = f"{client.client_id} {self.record_type} {table.quoted} {window.since} {window.until}"
        loading = _Loading(session, table, reading, self.record_type, run, purpose, newest_wins=not window.is_open)
        bookmark = loading.changes(row, window, state) if window.is_open else loading.window(row, window)
        gone = None
        if self.detect_deletes:
            with session.transaction(writing=False):
                shared = row.is_shared()
            gone = mark_deleted(session, table, ClientSource(client), self.record_type, all_writers=self.all_writers, shared=shared)
        return {
            "record_type": self.record_type,
            "schema": table.schema,
            "table": table.table,
            "since": windows.text_of(window.since),
            "until": windows.text_of(window.until),
            "bookmark": bookmark,
            **_counts(run.report(), loading, gone),
            "warnings": warnings,
        }

    def _prepared(self, client: Client, session: Session, name: str, reading: Reading, window: Window) -> _Prepared:
        """Make and widen what is loaded into, in a transaction."""
        schema, warnings = self.schema or session.dialect.schema(session), reading.warnings()
        row = StateRow(session, schema, name, client.client_id, self.record_type)
        row.prepare()
        if self.detect_deletes:
            row.require_alone()
        if not session.dialect.columns(session, schema, name) and row.forget():
            warnings.append(f"the table {name} is gone, so all there is, is loaded anew")
        table = prepare(session, schema, name, reading.columns(), reading.hidden())
        state = row.read() if window.is_open else None
        warning = warning_of(session, table, notes_of(state, reading.mark()), reading.mark())
        return _Prepared(table, row, state, [*warnings, *([warning] if warning else [])])


class _Loading:
    """Pages into a table."""

    def __init__(
        self, session: Session, table: Table, reading: Reading, record_type: str, run: Run, purpose: str, *, newest_wins: bool
    ) -> None:
        self._session, self._reading, self._record_type, self._run = session, reading, record_type, run
        self._loader = Loader(session, table, purpose, newest_wins=newest_wins, on_failure=self._failed)
        self.rows = self.pages = 0

    def changes(self, row: StateRow, window: Window, state: dict[str, Any] | None) -> str | None:
        """Load what was changed since a state; each page together with its state."""
        notes = notes_of(state, self._reading.mark())
        for page in self._reading.pages(window, state):
            with self._session.transaction():
                row.save({**page.state, NOTES: notes})  # first: who has come too late learns it before the work
                self._stage(page.rows)
                self._loader.merge()
            state = page.state
        # Not before the end: until then another try has to give the same warnings.
        now = {"columns": self._reading.mark(), "filled": notes["filled"] or self.rows > 0}
        if state is not None and notes != now:
            with self._session.transaction():
                row.save({**state, NOTES: now})
        return (state or {}).get("replication_key_value")

    def window(self, row: StateRow, window: Window) -> str | None:
        """Load a window, all at once."""
        bookmark = None
        with self._loader.filling():
            for page in self._reading.pages(window):
                with self._session.transaction(writing=False):
                    self._stage(page.rows)
                bookmark = page.state.get("replication_key_value")
            with self._session.transaction():
                if self._session.dialect.merges_alone:
                    row.lock()
                self._loader.merge()
        return bookmark

    def _stage(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows += self._loader.stage(rows)
        self.pages += bool(rows)
        self._reading.failures.flush()  # what is left out has to be noted before a state goes past it

    def _failed(self, row: Mapping[str, Any], error: ValueMismatch) -> None:
        self._run.error(error)
        meta = Meta(
            record_id=row[KEY],
            record_type=self._record_type,
            version=row["_e3db_version"],
            writer_id=row["_e3db_writer_id"],
            user_id=row["_e3db_user_id"],
        )
        self._reading.failures(meta, error)


def _counts(report: Report, loading: _Loading, gone: Gone | None) -> dict[str, Any]:
    """What a manifest says of a run: numbers alone."""
    counts: dict[str, Any] = {
        "records": loading.rows,
        "pages": loading.pages,
        "errors": report.errors,
        "fields_decrypted": report.fields.decrypted,
        "fields_untouched": report.fields.untouched,
        "seconds": report.seconds,
    }
    if gone is not None:
        counts |= {"deleted": gone.deleted, "access_lost": gone.access_lost}
    return counts
