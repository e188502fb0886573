"""A search index that lags behind, as the original's does: what searches see is some seconds old (``--index-delay``).

Each change becomes visible after a lag of its own, which follows from its time alone; so changes may show in another order than
they were made. Of a record, the latest state shows that is visible; once its deletion is, none.

The states that records had are kept, with their plain members, for as long as the index may still show them; but not their
data, for the records that a search returns are current.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, delete, exists, insert, literal, select, union_all, update
from sqlalchemy.sql.util import ClauseAdapter

from e3db_connectors.server.store.schema import past_plain_members, past_records, plain_members, records

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Select

    from e3db_connectors.server.settings import IndexDelay
    from e3db_connectors.server.store.records import StoredRecord

_KEPT_LONGER: Final = 10_000_000
"""Microseconds that states are kept beyond their end in the index: a search may have begun before it."""

_MODULUS, _FACTOR, _PRIME = 2_147_483_647, 1_103_515_245, 4_294_967_291
"""Of the lags' generator; no product is beyond the database's integers, and the prime is above the longest lag."""

_SHOWN = ("record_id", "writer_id", "user_id", "type", "created", "last_modified")
_MEMBER = ("key", "value", "pair_hash")


def keep(connection: Connection, record: StoredRecord, now: int, delay: IndexDelay) -> int:
    """Keep the state that a record has until *now*, and forget those that no search can see any more.

    Args:
        connection: A write transaction, in which the record is as yet unchanged.
        record: The record.
        now: When the state ends.
        delay: Of the index.

    Returns:
        The number of the state.
    """
    oldest = now - delay.longest - _KEPT_LONGER
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
    """Answers selects of records and plain members as the index shows them.

    Args:
        connection: Reads.
        now: The time.
        delay: Of the index.
    """

    def __init__(self, connection: Connection, now: int, delay: IndexDelay) -> None:
        """Look at *now*."""
        self._connection = connection
        # A state begins with a record's last change; past ones have negative numbers of their own, by which their members are found.
        # A past one shows until a change after it does: that is the end of itself, or of a later one.
        later = past_records.alias()
        ended = exists().where(
            later.c.record_id == past_records.c.record_id,
            later.c.ended >= past_records.c.ended,
            _is_visible(later.c.ended, now, delay),
        )
        current = select(records.c.seq, *(records.c[name] for name in _SHOWN)).where(_is_visible(records.c.last_modified, now, delay))
        past = select((-past_records.c.id).label("seq"), *(past_records.c[name] for name in _SHOWN)).where(
            _is_visible(past_records.c.last_modified, now, delay), ~ended
        )
        members = select(plain_members.c.seq, *(plain_members.c[name] for name in _MEMBER))
        past_members = select((-past_plain_members.c.past_id).label("seq"), *(past_plain_members.c[name] for name in _MEMBER))
        self._adapters = [ClauseAdapter(union_all(*both).subquery()) for both in ((current, past), (members, past_members))]

    def execute(self, statement: Select[Any]) -> CursorResult[Any]:
        """Run a select of the tables."""
        for adapter in self._adapters:
            statement = adapter.traverse(statement)
        return self._connection.execute(statement)


def _is_visible(change: ColumnElement[int], now: int, delay: IndexDelay) -> ColumnElement[bool]:
    """Whether the index shows a change of that time."""
    at_the_earliest = change <= now - delay.shortest
    if delay.shortest == delay.longest:
        return at_the_earliest
    random = change % _MODULUS * _FACTOR % _PRIME % (delay.longest - delay.shortest + 1)
    return at_the_earliest & (change + random <= now - delay.shortest)
