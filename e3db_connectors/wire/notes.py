"""Notes: one-shot messages to a signing key (protocol section 14)."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from e3db_connectors.wire.records import Discreet

ZERO_TIME: Final = "0001-01-01T00:00:00Z"
"""No expiration."""

UNLIMITED: Final = -1
"""As `max_views`, and as views left."""

_Count = Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)]


class Note(Discreet, msgspec.Struct, frozen=True, omit_defaults=True):
    """A note as it is sent and as it comes back.

    Args:
        id_string: A name, unique over all clients; only for identified writers.
        mode: ``Sodium``, in any case.
        encrypted_access_key: Sealed by the writer's encryption key for the recipient's.
        data: Quads of signed fields; clear text once it is opened.
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
    file_meta: dict[str, Any] | None = None
    max_views: int | None = None
    views: int | None = None
    expiration: str | None = None
    expires: bool | None = None
    eacp: dict[str, Any] | None = None
    created_at: str | None = None

    def __repr__(self) -> str:
        """Names and ids only: once it is opened, its data is clear text."""
        return f"Note(note_id={self.note_id!r}, id_string={self.id_string!r}, fields={len(self.data)})"


class NoteUpload(msgspec.Struct, frozen=True):
    """Body of a write, as a server reads it; who writes, ids, times and views are its own to give."""

    recipient_signing_key: str
    writer_signing_key: str
    writer_encryption_key: str
    encrypted_access_key: str
    signature: str
    mode: str | None = None
    data: dict[str, str] | None = None
    id_string: str | None = None
    type: str | None = None
    plain: dict[str, str] | None = None
    file_meta: dict[str, Any] | None = None
    max_views: _Count | None = None
    expiration: str | None = None
    expires: bool | None = None
    eacp: dict[str, Any] | None = None
