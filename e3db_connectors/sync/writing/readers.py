"""Who may read a stream: access is given before its first record is there, and its schema goes with it (design section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.sync.names import SCHEMA_TYPE_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection

    from e3db_connectors.client import Client


def share_stream(client: Client, record_type: str, readers: Collection[str]) -> None:
    """Let clients read a type, beside those who may already, and let exactly all of them read its schema record.

    Raises:
        NotFound: One of *readers* does not exist.
    """
    schema_type = SCHEMA_TYPE_PREFIX + record_type
    shares = client.outgoing_sharing()
    of_rows = {share.reader_id for share in shares if share.record_type == record_type}
    of_schema = {share.reader_id for share in shares if share.record_type == schema_type}
    wanted = of_rows | set(readers) - {client.client_id}
    for reader in sorted(of_schema - wanted):
        client.revoke(schema_type, reader)
    for reader in sorted(wanted - of_schema):
        client.share(schema_type, reader)
    for reader in sorted(wanted - of_rows):
        client.share(record_type, reader)
