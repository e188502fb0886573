"""The schema record: what the columns of a stream were when its rows were written (design section 3.1).

One record of type ``singer.schema.<type>`` per writer. Each of its fields is a schema that the stream has had, under a number that
follows from the schema itself, and each row names the number of its own in ``plain._e3db_schema``. So two writers that start at the
same time give the same schema the same number, and two schema records of one writer say no less than one.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from e3db_connectors.client.arguments import ALL_WRITERS, texts
from e3db_connectors.errors import AccessKeyMissing, Conflict, IntegrityError, OutcomeUnknown, UsageError
from e3db_connectors.sync.names import META_PREFIX, SCHEMA_TYPE_PREFIX
from e3db_connectors.sync.values import TEXT, Schema, decode_schemas, encode_schemas, kind_of
from e3db_connectors.wire import paths
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Meta, Result

    Columns = dict[str, Schema]

SCHEMA_NUMBER: Final = f"{META_PREFIX}schema"
"""The plain member in which a row names its schema."""

KEY_IDS: Final = f"{META_PREFIX}kids"
"""The plain member of a schema record that names the secrets which rows may be keyed with, by their ids, with spaces between."""

_ATTEMPTS: Final = 10
_log = logging.getLogger(__name__)


@dataclass
class StreamSchemas:
    """The schemas that rows of one type have been written with, by number, and the ids of the secrets that they are keyed with."""

    record_type: str
    numbered: dict[str, Columns] = field(default_factory=dict)
    kids: frozenset[str] = frozenset()

    def united(self) -> Columns:
        """One schema for all rows: the union of the columns. A column of two kinds becomes text, which any value can be shown as."""
        columns: Columns = {}
        conflicts = set()
        for schemas in self.numbered.values():
            for name, schema in schemas.items():
                if name in columns and kind_of(columns[name]) != kind_of(schema):
                    conflicts.add(name)
                columns[name] = schema
        for name in sorted(conflicts):
            _log.warning("column %s of %s has been written with different types; it reads as text", name, self.record_type)
            columns[name] = TEXT
        return columns

    def read_alike(self, one: str, other: str, names: Iterable[str]) -> bool:
        """Whether these columns are of the same kinds under two numbers."""
        if one == other:
            return True
        if one not in self.numbered or other not in self.numbered:
            return False
        left, right = self.numbered[one], self.numbered[other]
        return all(name in left and name in right and kind_of(left[name]) == kind_of(right[name]) for name in names)


def number_of(columns: Mapping[str, Schema]) -> str:
    """The number of a schema: 8 hex digits of a hash of what it allows."""
    kinds = sorted((name, kind_of(schema)) for name, schema in columns.items())
    return blake2b(repr(kinds).encode()).hexdigest()[:8]


def load(client: Client, record_type: str, writers: str | Sequence[str] = ALL_WRITERS) -> StreamSchemas:
    """Read the schema records of a type that this client may read, of all or some writers.

    One that does not open, or holds something else, is left out with a warning: one writer must not keep others' rows from being read.
    """
    return _merge(record_type, _opened(client, _sealed(client, record_type, writers)))


def load_own(client: Client, record_type: str) -> StreamSchemas:
    """Read the schema records of a type that this client has written."""
    return _merge(record_type, _records(client, record_type))


def remember(
    client: Client, record_type: str, columns: Mapping[str, Schema], *, kid: str | None = None, settled: Collection[str] = ()
) -> StreamSchemas:
    """Make sure that our schema record knows these columns, under their `number_of`, and the secret of the rows' keys.

    Args:
        client: Who writes.
        record_type: The type of the rows.
        columns: Their columns.
        kid: The id of the secret, if they have keys.
        settled: Ids of secrets that no row is keyed with any more.

    Returns:
        All schemas that we have written rows of this type with.

    Raises:
        Conflict: Others changed the record at each attempt.
    """
    number = number_of(columns)
    wanted = {number: encode_schemas(columns)}
    for _ in range(_ATTEMPTS):
        own = _records(client, record_type)
        known = _merge(record_type, own)
        missing = {} if number in known.numbered else wanted
        added = {kid} - known.kids if kid else set()
        if not missing and not added and not known.kids & set(settled):
            return known
        with suppress(Conflict, OutcomeUnknown):  # the next look sees what is there
            _store(client, record_type, own, missing, added, set(settled))
    raise Conflict("PUT", paths.RECORDS, 409, f"the schema record of type {record_type!r} has been changed by others at each attempt")


def _store(client: Client, record_type: str, own: list[Record], missing: dict[str, str], added: set[str], settled: set[str]) -> None:
    if not own:
        client.write(SCHEMA_TYPE_PREFIX + record_type, missing, {KEY_IDS: " ".join(sorted(added))} if added else None)
    for record in own:
        kids = _kids_of(record)
        changed = Record(_with_kids(record.meta, kids - settled | added), {**record.data, **missing})
        if changed.data != record.data or _kids_of(changed) != kids:
            client.update(changed)
        missing, added = {}, set()  # into the first one only; what is settled goes from all


def _with_kids(meta: Meta, kids: set[str]) -> Meta:
    return msgspec.structs.replace(meta, plain={**(meta.plain or {}), KEY_IDS: " ".join(sorted(kids))})


def _kids_of(record: Record) -> set[str]:
    return set((record.meta.plain or {}).get(KEY_IDS, "").split())


def _merge(record_type: str, records: Iterable[Record]) -> StreamSchemas:
    merged = StreamSchemas(record_type)
    for record in records:
        merged.kids |= _kids_of(record)
        for number, text in record.data.items():
            try:
                merged.numbered[number] = decode_schemas(text)
            except UsageError as exc:
                _warn_of(record.meta, str(exc))
    return merged


def _opened(client: Client, sealed: Iterable[Result]) -> Iterator[Record]:
    for result in sealed:
        try:
            yield client.open(result)
        except (AccessKeyMissing, IntegrityError) as exc:
            _warn_of(result.meta, f"it does not open ({type(exc).__name__})")


def _warn_of(meta: Meta, why: str) -> None:
    _log.warning(
        "schema record %s of writer %s is left out, so columns that no other one names read as text: %s",
        meta.record_id,
        meta.writer_id,
        why,
    )


def _records(client: Client, record_type: str) -> list[Record]:
    """Our own ones; they have to open, for they are to be written again."""
    return [client.open(result) for result in _sealed(client, record_type, client.client_id)]


def _sealed(client: Client, record_type: str, writers: str | Sequence[str]) -> Iterator[Result]:
    everyone = writers == ALL_WRITERS
    request = QueryRequest(
        content_types=[SCHEMA_TYPE_PREFIX + record_type],
        include_data=True,
        include_all_writers=everyone or None,
        writer_ids=None if everyone else texts(writers),
    )
    for page in client.query_pages(request):
        yield from page
