"""Which record types there are, and which columns they have (design section 3.1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from e3db_connectors.sync.columns import fields_of
from e3db_connectors.sync.names import is_internal
from e3db_connectors.wire.search import Params, SearchRequest, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordType:
    """A record type, and what its fields read as."""

    name: str
    fields: Mapping[str, Schema]


def own_types(client: Client) -> list[str]:
    """The types that a client has written: a request for each, excluding those already seen, and no scan of the records."""
    seen: list[str] = []
    while True:
        exclude = [Params(Terms(content_types=seen))] if seen else None
        page = client.search_page(SearchRequest(limit=1, exclude=exclude))
        if not page.results:
            return sorted(name for name in seen if not is_internal(name))
        seen.append(page.results[0].meta.record_type)


def describe(client: Client, record_type: str, config: Mapping[str, Any]) -> RecordType:
    """Find the columns of a type: settings, else schema record, else the field names of a sample."""
    sample_size = config["infer_schema_sample_size"]
    fields = (config.get("schemas") or {}).get(record_type) or fields_of(client, record_type, sample_size=sample_size)
    if not fields and sample_size:
        _log.warning("there is no record of type %s yet; its stream has no columns of its own", record_type)
    return RecordType(record_type, fields)
