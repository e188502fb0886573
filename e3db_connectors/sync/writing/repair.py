"""Doubles, looked for in all records of a type and made one (design section 4.7).

A writer mends the doubles that it meets by itself. This is for those that a writer has left that was killed, and for whoever wants to know.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from e3db_connectors.errors import Conflict, E3DBError, NotFound
from e3db_connectors.sync.keys import ROW_KEY, RowKey
from e3db_connectors.sync.writing.lookup import SIZE, Lookup
from e3db_connectors.sync.writing.upsert import discard
from e3db_connectors.wire import times
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Result

_ATTEMPTS: Final = 5
_WORKERS: Final = 4


class Repair(NamedTuple):
    """What has been done about one key.

    Args:
        key: Its blind index.
        kept: The record that stays.
        removed: The records that are gone.
        rewritten: Whether the values of another one have been put into the one that stays, for they were newer.
        error: The class of the error, if it was left as it is.
    """

    key: str
    kept: str
    removed: tuple[str, ...]
    rewritten: bool = False
    error: str | None = None


def repair_keys(client: Client, record_type: str) -> Iterator[Repair]:
    """Make one record of those of each key of which there are several; of their values the last written ones stay.

    Reads the meta of all our records of the type. Others may write meanwhile.
    """
    lookup, keys = Lookup(client, record_type, _WORKERS), _doubled(client, record_type)
    for start in range(0, len(keys), SIZE):
        batch = [RowKey(index) for index in keys[start : start + SIZE]]
        for index, found in lookup.find(batch).items():
            if len(found) > 1:
                yield _repair(client, lookup, index, found)


def _doubled(client: Client, record_type: str) -> list[str]:
    """Keys with several records; held as short hashes, for there may be millions. Two keys of one hash cost a look-up."""
    seen: set[bytes] = set()
    doubled: dict[str, None] = {}
    request = QueryRequest(include_data=False, writer_ids=[client.client_id], content_types=[record_type])
    for page in client.query_pages(request):
        for result in page:
            index = (result.meta.plain or {}).get(ROW_KEY)
            if index is None:
                continue
            short = blake2b(index.encode(), digest_size=8).digest()
            if short in seen:
                doubled[index] = None
            seen.add(short)
    return list(doubled)


def _repair(client: Client, lookup: Lookup, index: str, found: Sequence[Result]) -> Repair:
    rewritten, gone = False, {result.meta.record_id for result in found}
    for _ in range(_ATTEMPTS):
        try:
            rewritten |= _gather(client, found)
            discard(client, found[1:])
        except (Conflict, NotFound) as exc:
            failure: E3DBError = exc
        except E3DBError as exc:
            failure = exc
            break
        else:
            kept = found[0].meta.record_id
            return Repair(index, kept, tuple(sorted(gone - {kept})), rewritten)
        found = lookup.find([RowKey(index)]).get(index, ())
        gone |= {result.meta.record_id for result in found}
        if not found:  # somebody has deleted them all
            return Repair(index, "", tuple(sorted(gone)), rewritten)
    return Repair(index, found[0].meta.record_id, (), rewritten, type(failure).__name__)


def _gather(client: Client, found: Sequence[Result]) -> bool:
    """Put the last written values into the record that stays, unless they are there."""
    newest = max(found, key=_recency)
    if newest is found[0]:
        return False
    values, kept = client.open(newest), client.open(found[0])
    if (values.data, values.meta.plain) == (kept.data, kept.meta.plain):
        return False
    client.update(Record(msgspec.structs.replace(kept.meta, plain=values.meta.plain), values.data))
    return True


def _recency(result: Result) -> tuple[datetime, str]:
    return times.parse(result.meta.last_modified), result.meta.record_id
