"""Records that are gone: their rows are marked, never removed (design section 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

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
    live = session.quoted("_e3db_live")
    key, writer, deleted, mark = table.key, table.columns["_e3db_writer_id"].name, session.quoted(DELETED), session.mark
    with session.transaction(writing=False):
        session.execute(f"CREATE TEMPORARY TABLE {live} (id {session.dialect.types['text']} PRIMARY KEY)")
    for page in live_versions(source, record_type, all_writers=all_writers):
        with session.transaction(writing=False):
            for at in range(0, len(page), _BATCH):
                ids = [record_id for record_id, _ in page[at : at + _BATCH]]
                session.execute(f"INSERT INTO {live} VALUES {', '.join([f'({mark})'] * len(ids))} ON CONFLICT DO NOTHING", ids)  # noqa: S608
    scope = "" if all_writers else f" AND {writer} = {mark}"
    with session.transaction(writing=False):
        missing = session.fetch(
            f"SELECT {key}, {writer} FROM {table.quoted} AS present WHERE {deleted} IS NULL{scope} "  # noqa: S608 - quoted
            f"AND NOT EXISTS (SELECT 1 FROM {live} WHERE id = present.{key})",
            () if all_writers else (source.client_id,),
        )
        session.execute(f"DROP TABLE {live}")
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
