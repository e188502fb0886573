"""Records that are gone: their rows are marked, never removed (design section 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from e3db_connectors.airflow.sql.loading import stage_name
from e3db_connectors.airflow.sql.tables import DELETED
from e3db_connectors.sync.reading.full import live_versions, look_for
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from e3db_connectors.airflow.sql.session import Session
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


def mark_deleted(session: Session, table: Table, source: Source, record_type: str, *, all_writers: bool) -> Gone:
    """Compare a table with what there is, and mark the rows whose records have been deleted.

    The ids that there are are staged in the database, so memory does not grow with them.
    """
    key, writer, deleted, mark = table.key, table.columns["_e3db_writer_id"].name, session.quoted(DELETED), session.mark
    name = stage_name("live", f"{source.client_id} {record_type} {table.quoted}")
    live = session.dialect.stage(session, table.schema, name, {"id": session.dialect.key_type})
    scope = "" if all_writers else f" AND {writer} = {mark}"
    with live.filling():
        for page in live_versions(source, record_type, all_writers=all_writers):
            with session.transaction(writing=False):
                live.put([[record_id] for record_id, _ in page])
        with session.transaction(writing=False):
            missing = session.fetch(
                f"SELECT {key}, {writer} FROM {table.quoted} WHERE {deleted} IS NULL{scope} "  # noqa: S608 - quoted
                f"AND NOT EXISTS (SELECT 1 FROM {live.quoted} WHERE id = {table.quoted}.{key})",
                () if all_writers else (source.client_id,),
            )
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
