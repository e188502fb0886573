"""Which record types there are, and which columns they have (design section 3.1)."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e3db_connectors.errors import ConfigError
from e3db_connectors.sync.columns import fields_of
from e3db_connectors.sync.names import is_internal
from e3db_connectors.sync.record_files import has_files
from e3db_connectors.wire.search import Params, SearchRequest, Terms

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.singer.options import TapOptions
    from e3db_connectors.sync.values import Schema


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordType:
    """A record type, what its fields read as, and whether there are large files among its records."""

    name: str
    fields: Mapping[str, Schema]
    has_files: bool


def record_types(client: Client, options: TapOptions) -> list[str]:
    """The types that there are to read: the client's own, and those that others share, as far as the settings ask for them."""
    own = own_types(client) if options.reads(client.client_id, own=True) else []
    others = options.all_writers or options.writer_ids is not None
    shared = [share for share in client.incoming_sharing() if options.reads(share.writer_id, own=False)] if others else []
    return sorted(name for name in {*own, *(share.record_type for share in shared)} if not is_internal(name))


def warn_of_unreadable(client: Client, types: Collection[str], options: TapOptions) -> None:
    """Say which of the writers that the settings name share nothing of what is to be read: their records would just be missing."""
    others = set(options.writer_ids or ()) - {client.client_id}
    if others:
        sharing = {share.writer_id for share in client.incoming_sharing() if share.record_type in types}
        for writer_id in sorted(others - sharing):
            _log.warning("setting writer_ids: writer %s shares nothing that is to be read with this client", writer_id)


def own_types(client: Client) -> list[str]:
    """The types that a client has written: a request for each, excluding those already seen, and no scan of the records."""
    seen: list[str] = []
    while True:
        exclude = [Params(Terms(content_types=seen))] if seen else None
        page = client.search_page(SearchRequest(limit=1, exclude=exclude))
        if not page.results:
            return sorted(name for name in seen if not is_internal(name))
        seen.append(page.results[0].meta.record_type)


def describe(client: Client, record_type: str, config: Mapping[str, Any], options: TapOptions) -> RecordType:
    """Find the columns of a type: settings, else schema record, else the field names of a sample."""
    sample_size = config["infer_schema_sample_size"]
    fields = (config.get("schemas") or {}).get(record_type) or fields_of(
        client, record_type, sample_size=sample_size, all_writers=options.all_writers, writer_ids=options.writer_ids
    )
    if not fields and sample_size:
        _log.warning("no record of type %s has fields yet; its stream has no columns of its own", record_type)
    files = has_files(client, record_type, sample_size=sample_size, all_writers=options.all_writers, writer_ids=options.writer_ids)
    return RecordType(record_type, fields, files)


def require_distinct(streams: Iterable[tuple[str, str]]) -> None:
    """Check that no two streams, given by name and record type, are called the same: one of them would hide the other.

    Raises:
        ConfigError: Two are. A type may have been named so on purpose.
    """
    types = defaultdict(list)
    for name, record_type in streams:
        types[name].append(record_type)
    for name, clashing in types.items():
        if len(clashing) > 1:
            raise ConfigError(f"the types {', '.join(map(repr, clashing))} make a stream {name} each; name those to read in record_types")
