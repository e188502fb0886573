"""Who may read a stream: access is given before its first record is there, and its schema goes with it (design section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.errors import NotFound, UsageError
from e3db_connectors.sync.names import SCHEMA_TYPE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection

    from e3db_connectors.client import Client


def share_stream(client: Client, record_type: str, readers: Collection[str]) -> None:
    """Let clients read a type, beside those who may already, and let exactly all of them read its schema record.

    Raises:
        UsageError: One of *readers* does not exist.
    """
    schema_type = SCHEMA_TYPE_PREFIX + record_type
    shares = client.outgoing_sharing()
    of_rows = {share.reader_id for share in shares if share.record_type == record_type}
    of_schema = {share.reader_id for share in shares if share.record_type == schema_type}
    wanted = of_rows | set(readers) - {client.client_id}
    for reader in sorted(of_schema - wanted):
        client.revoke(schema_type, reader)
    for reader in sorted(wanted - of_schema):
        _share(client, schema_type, reader)
    for reader in sorted(wanted - of_rows):
        _share(client, record_type, reader)


def _share(client: Client, record_type: str, reader: str) -> None:
    try:
        client.share(record_type, reader)
    except NotFound:
        raise UsageError(f"there is no client {reader} to share {record_type} with; check share_with") from None
