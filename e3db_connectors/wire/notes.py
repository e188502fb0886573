"""Notes: one-shot messages to a signing key (protocol section 14)."""

from __future__ import annotations

import msgspec


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """A note as it is sent and as it comes back.

    Args:
        id_string: A name, unique over all clients; only for identified writers.
        mode: ``Sodium``, in any case.
        encrypted_access_key: Sealed by the writer's encryption key for the recipient's.
        data: Quads of signed fields.
        signature: Vouches for the salt of the fields.
        max_views: How often it can be read; below 1: without limit.
        views: How often it has been read before.
    """

    recipient_signing_key: str
    writer_signing_key: str
    writer_encryption_key: str
    encrypted_access_key: str
    signature: str
    mode: str = "Sodium"
    data: dict[str, str] = {}
    note_id: str | None = None
    id_string: str | None = None
    client_id: str | None = None
    type: str | None = None
    plain: dict[str, str] | None = None
    file_meta: dict[str, str] | None = None
    max_views: int | None = None
    views: int | None = None
    expiration: str | None = None
    expires: bool | None = None
    eacp: dict[str, object] | None = None
    created_at: str | None = None
