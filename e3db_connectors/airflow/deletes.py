"""Deleting records, each at the version that has been looked at; what is gone already is no error, so that all may be repeated."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from e3db_connectors.airflow.finding import ids
from e3db_connectors.airflow.rows import batches
from e3db_connectors.airflow.transfers.windows import window_of
from e3db_connectors.client.arguments import require_text
from e3db_connectors.errors import Conflict, NotFound
from e3db_connectors.wire import times
from e3db_connectors.wire.queries import eq

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from e3db_connectors.airflow.finding import RecordFilter
    from e3db_connectors.client import Client
    from e3db_connectors.client.arguments import Texts
    from e3db_connectors.wire.records import Record

_TRIES: Final = 3
"""How often records are looked for that somebody changes between the look and the delete."""


class Deleted(NamedTuple):
    """What has become of records.

    Args:
        by_type: How many are deleted of each record type.
        missing: How many of those that were named are not there, or not this client's.
        changed: The ids of those that have another version by now; they stay.
    """

    by_type: Mapping[str, int]
    missing: int = 0
    changed: tuple[str, ...] = ()

    @property
    def deleted(self) -> int:
        """How many are deleted."""
        return sum(self.by_type.values())


def by_ids(client: Client, record_ids: Texts) -> Deleted:
    """Delete the client's own records of these ids, whatever their version.

    Raises:
        Conflict: Somebody else goes on changing one.
        UsageError: One is no id.
    """
    wanted = ids(record_ids, "record_ids")
    deleted = _delete_found(client, lambda: _own(client, wanted))
    return Deleted(deleted, len(wanted) - deleted.total())


def by_versions(client: Client, versions: Mapping[str, str]) -> Deleted:
    """Delete the client's own records that still have these versions.

    Raises:
        UsageError: One is no id.
    """
    wanted = dict(zip(ids(versions, "record_ids"), versions.values(), strict=True))
    changed: list[str] = []

    def unchanged() -> Iterator[Record]:
        for record in _own(client, list(wanted)):
            if record.meta.version == wanted[record.meta.record_id]:
                yield record
            else:
                changed.append(record.meta.record_id)

    deleted, conflicts = _delete(client, unchanged())
    changed += conflicts
    return Deleted(deleted, len(wanted) - deleted.total() - len(changed), tuple(changed))


def by_filter(client: Client, wanted: RecordFilter) -> Deleted:
    """Delete all of the client's own records that fit, any number.

    Raises:
        Conflict: Somebody else goes on changing one.
        UsageError: A member is no text, or a bound no time.
    """
    return Deleted(_delete_found(client, lambda: _fitting(client, wanted)))


def _delete_found(client: Client, found: Callable[[], Iterable[Record]]) -> Counter[str]:
    """Delete what is found, also if it is changed meanwhile; how many of each type."""
    deleted = Counter[str]()
    for left in reversed(range(_TRIES)):
        more, changed = _delete(client, found())
        deleted.update(more)
        if changed and not left:
            raise next(iter(changed.values()))
        if not changed:
            break
    return deleted


def _delete(client: Client, records: Iterable[Record]) -> tuple[Counter[str], dict[str, Conflict]]:
    """Delete records at their versions: how many of each type, and the conflicts of those that have another one by now."""
    deleted, changed = Counter[str](), dict[str, Conflict]()
    for outcome in client.delete_many(records):
        if isinstance(outcome.error, Conflict):
            changed[outcome.item.meta.record_id] = outcome.error
        elif outcome.error is None:
            deleted[outcome.item.meta.record_type] += 1
        elif not isinstance(outcome.error, NotFound):
            raise outcome.error
    return deleted, changed


def _own(client: Client, record_ids: Iterable[str]) -> Iterator[Record]:
    for batch in batches(record_ids):
        yield from client.query_all(record=batch, data=False)


def _fitting(client: Client, wanted: RecordFilter) -> Iterator[Record]:
    """By v1 queries: they know no times, but are never behind, and have no limit."""
    window, plain = window_of(wanted.since, wanted.until), {} if wanted.plain is None else wanted.plain
    require_text(plain, "plain")
    terms = [eq(name, value) for name, value in plain.items()]
    since, until = (None if bound is None else times.render(bound) for bound in (window.since, window.until))
    for record in client.query_all(record_type=wanted.record_type, plain={"and": terms} if terms else None, data=False):
        modified = times.render(times.parse(record.meta.last_modified))
        if (since is None or modified >= since) and (until is None or modified < until):
            yield record
