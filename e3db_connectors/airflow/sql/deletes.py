"""Records that are gone: their rows are marked, never removed (design section 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.sql.loading import stage_name
from e3db_connectors.airflow.sql.tables import DELETED
from e3db_connectors.sync.reading.full import live_versions, look_for
from e3db_connectors.sync.reading.writers import Writers
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.staging import Stage
    from e3db_connectors.airflow.sql.tables import Table
    from e3db_connectors.sync.reading.source import Source

_BATCH: Final = 1_000


@dataclass(frozen=True)
class Gone:
    """What a search for deleted records has found.

    Args:
        deleted: Rows that are marked as deleted now and were not before.
        access_lost: Rows of which it is not known whether their records are there: their writers cannot be read any more.
    """

    deleted: int
    access_lost: int


def mark_deleted(session: Session, table: Table, source: Source, record_type: str, *, all_writers: bool, shared: bool) -> Gone:
    """Compare a table with what there is, and mark the rows whose records have been deleted.

    The ids that there are are staged in the database, so memory does not grow with them.

    Args:
        session: Of the warehouse.
        table: The table.
        source: Tells what there is.
        record_type: The type of the records in the table.
        all_writers: Rows of others count, too.
        shared: Other clients load the table, too: what this one cannot read may be theirs, and is left to them.
    """
    key, deleted, mark = table.key, session.quoted(DELETED), session.mark
    name = stage_name("live", f"{source.client_id} {record_type} {table.quoted}")
    live = session.dialect.stage(session, table.schema, name, {"id": session.dialect.key_type})
    writers = None if all_writers and not shared else Writers(source, record_type, None, all_writers=all_writers).known
    with live.filling():
        for page in live_versions(source, record_type, all_writers=all_writers):
            with session.transaction(writing=False):
                live.put([[record_id] for record_id, _ in page])
        with session.transaction(writing=False):
            missing = _missing(session, table, live, writers)
            live.clear()
    if not missing:
        return Gone(0, 0)
    found = look_for(source, record_type, {str(record_id): str(written_by) for record_id, written_by in missing})
    gone = sorted(found.deleted)
    now = times.render(datetime.now(UTC))
    with session.transaction():
        for at in range(0, len(gone), _BATCH):
            ids = gone[at : at + _BATCH]
            session.execute(
                f"UPDATE {table.quoted} SET {deleted} = {mark} "  # noqa: S608 - quoted
                f"WHERE {deleted} IS NULL AND {key} IN ({', '.join([mark] * len(ids))})",
                (now, *ids),
            )
    return Gone(len(gone), len(found.lost))


def _missing(session: Session, table: Table, live: Stage, writers: Sequence[str] | None) -> list[Sequence[Any]]:
    """Ids and writers of the rows, of these writers or of all, whose records are not among the staged ones."""
    key, writer = table.key, table.columns["_e3db_writer_id"].name
    sql = (
        f"SELECT {key}, {writer} FROM {table.quoted} WHERE {session.quoted(DELETED)} IS NULL "  # noqa: S608 - quoted
        f"AND NOT EXISTS (SELECT 1 FROM {live.quoted} WHERE id = {table.quoted}.{key})"
    )
    if writers is None:
        return session.fetch(sql)
    parts = [writers[at : at + _BATCH] for at in range(0, len(writers), _BATCH)]
    return [row for part in parts for row in session.fetch(f"{sql} AND {writer} IN ({', '.join([session.mark] * len(part))})", part)]
