"""A search index that lags behind, as the original's does: what searches see is some seconds old (``--index-delay``).

The states that records had are kept, with their plain members, for as long as the index may still show them; but not their
data, for the records that a search returns are current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, literal, select, union_all, update
from sqlalchemy.sql.util import ClauseAdapter

from e3db_connectors.server.store.schema import past_plain_members, past_records, plain_members, records

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Select

    from e3db_connectors.server.store.records import StoredRecord

_SHOWN = ("record_id", "writer_id", "user_id", "type", "created", "last_modified")
_MEMBER = ("key", "value", "pair_hash")


def keep(connection: Connection, record: StoredRecord, now: int, delay: int) -> int:
    """Keep the state that a record has until *now*, and forget those that no search can see any more.

    Args:
        connection: A write transaction, in which the record is as yet unchanged.
        record: The record.
        now: When the state ends.
        delay: Of the index, in microseconds.

    Returns:
        The number of the state.
    """
    oldest = now - delay
    connection.execute(delete(past_records).where(past_records.c.ended <= oldest))
    shown = [records.c[name] for name in _SHOWN]
    state = select(*shown, literal(now)).where(records.c.seq == record.seq)
    past_id: int = connection.scalars(insert(past_records).from_select([*_SHOWN, "ended"], state).returning(past_records.c.id)).one()
    members = select(literal(past_id), *(plain_members.c[name] for name in _MEMBER)).where(plain_members.c.seq == record.seq)
    connection.execute(insert(past_plain_members).from_select(["past_id", *_MEMBER], members))
    return past_id


def end(connection: Connection, past_id: int, ended: int) -> None:
    """Let a state that was kept end when the next one begins."""
    connection.execute(update(past_records).where(past_records.c.id == past_id).values(ended=ended))


class LaggingIndex:
    """Answers selects of records and plain members as of a time in the past.

    Args:
        connection: Reads.
        then: The time.
    """

    def __init__(self, connection: Connection, then: int) -> None:
        """Look at *then*."""
        self._connection = connection
        # A state lasts from a record's last change; past ones have negative numbers of their own, by which their members are found.
        current = select(records.c.seq, *(records.c[name] for name in _SHOWN)).where(records.c.last_modified <= then)
        past = select((-past_records.c.id).label("seq"), *(past_records.c[name] for name in _SHOWN)).where(
            past_records.c.last_modified <= then, past_records.c.ended > then
        )
        members = select(plain_members.c.seq, *(plain_members.c[name] for name in _MEMBER))
        past_members = select((-past_plain_members.c.past_id).label("seq"), *(past_plain_members.c[name] for name in _MEMBER))
        self._adapters = [ClauseAdapter(union_all(*both).subquery()) for both in ((current, past), (members, past_members))]

    def execute(self, statement: Select[Any]) -> CursorResult[Any]:
        """Run a select of the tables."""
        for adapter in self._adapters:
            statement = adapter.traverse(statement)
        return self._connection.execute(statement)
