"""Large files (protocol section 13): announced, uploaded to a URL, committed."""

from __future__ import annotations

import msgspec

from e3db_connectors.wire.records import Discreet, FileMeta


class FileAnnouncement(msgspec.Struct, frozen=True, omit_defaults=True):
    """The meta of a file that is about to be uploaded; `file_meta` tells of the whole encrypted body."""

    writer_id: str
    user_id: str
    record_type: str = msgspec.field(name="type")
    file_meta: FileMeta
    plain: dict[str, str] | None = None


class NewFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of ``POST /v1/storage/files``."""

    meta: FileAnnouncement
    data: dict[str, str] | None = None
    rec_sig: str | None = None


class PendingFile(Discreet, msgspec.Struct, frozen=True):
    """Its answer: where to upload, and what to commit."""

    id: str
    file_url: str

    def __repr__(self) -> str:
        """Without the URL, which is the permission to upload."""
        return f"PendingFile(id={self.id!r})"
