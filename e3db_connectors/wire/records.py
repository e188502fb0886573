"""Records, as they travel and as they read in clear (protocol sections 7 and 9)."""

from typing import Any, Final

import msgspec

from e3db_connectors.errors import UsageError

OPERATION_MEMBER: Final = "_e3db_op"
"""The plain member that holds the id of the write that made a record: by it a lost answer is looked up."""

KeyMap = dict[str, str]
"""A public key on the wire, by its kind: ``{"curve25519": "..."}``."""


class Discreet:
    """For structs whose `repr` keeps something back: what pretty printers ask for says no more."""

    __slots__ = ()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The `repr`, as `rich` and its tracebacks take it."""
        return [("shown", repr(self))]


class FileMeta(Discreet, msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told of a large file's encrypted body (section 13.4)."""

    file_name: str = ""
    checksum: str = ""
    compression: str = ""
    size: int = 0
    file_url: str = ""

    def __repr__(self) -> str:
        """Without the URL, which is the permission to download."""
        return f"FileMeta(file_name={self.file_name!r}, checksum={self.checksum!r}, size={self.size})"


class Meta(msgspec.Struct, omit_defaults=True):
    """The clear part of a record.

    Args:
        record_type: The record's type; ``type`` on the wire.
        plain: Clear text values, searchable by the server.
        version: Opaque; changes with every update.
    """

    writer_id: str
    user_id: str
    record_type: str = msgspec.field(name="type")
    plain: dict[str, str] | None = None
    record_id: str = ""
    version: str = ""
    created: str = ""
    last_modified: str = ""
    file_meta: FileMeta | None = None


class EncryptedRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record whose values are field quads (section 8.1)."""

    meta: Meta
    data: dict[str, str] | None = None
    rec_sig: str | None = None


class MetaUpload(msgspec.Struct, frozen=True):
    """What a server takes of an uploaded record's meta; ids, times and versions are its own to give."""

    writer_id: str
    user_id: str
    record_type: str = msgspec.field(name="type")
    plain: dict[str, str] | None = None
    file_meta: Any = None


class RecordUpload(msgspec.Struct, frozen=True):
    """Body of a write or an update, as a server reads it."""

    meta: MetaUpload
    data: dict[str, str] | None = None
    rec_sig: str | None = None


class Record(Discreet, msgspec.Struct):
    """A record in clear. Its values do not show in `repr`.

    Args:
        data: Its values by name, as far as they were asked for.
        rec_sig: The writer's signature, if it made one; see `Client.verify`.
        partial: Whether data was left out when it was read; to update it so would lose that.
    """

    meta: Meta
    data: dict[str, str]
    rec_sig: str | None = None
    partial: bool = False

    def __repr__(self) -> str:
        """Names and ids only: plaintext must not reach logs by accident."""
        return f"Record(record_id={self.meta.record_id!r}, record_type={self.meta.record_type!r}, fields={len(self.data)})"


class AccessKey(msgspec.Struct, frozen=True):
    """An encrypted access key (EAK) and who sealed it (section 7.2); in a result of a search it may be empty, for none."""

    eak: str = ""
    authorizer_id: str = ""
    authorizer_public_key: KeyMap | None = None
    signer_id: str | None = None
    signer_signing_key: KeyMap | None = None


class AccessKeyUpload(msgspec.Struct, frozen=True):
    """Body of a PUT of an access key, and its answer (section 7.3)."""

    eak: str


class Result(msgspec.Struct, frozen=True):
    """One entry of a page of results (sections 10.3 and 11.5)."""

    meta: Meta
    record_data: dict[str, str] | None = None
    access_key: AccessKey | None = None
    rec_sig: str | None = None


class BatchGet(msgspec.Struct, frozen=True):
    """Body of the batch get (section 9.3)."""

    record_ids: list[str] | None = None
    include_data: bool | None = None


class BatchGetResult(msgspec.Struct, frozen=True):
    """Its answer; what is unknown or not for this client is left out."""

    records: list[Result]


class BulkDelete(msgspec.Struct, frozen=True):
    """Body of the bulk delete (section 9.4)."""

    record_ids: list[str] | None = None


class FailedDelete(msgspec.Struct, frozen=True):
    """A record that was not deleted, and why."""

    record_id: str
    error: str = ""


class BulkDeleteResult(msgspec.Struct, frozen=True):
    """Its answer: what failed, by record type (``N/A`` if that is unknown)."""

    record_delete_error: dict[str, list[FailedDelete]] = {}


def to_bytes(body: Any) -> bytes:
    """Encode a body as compact JSON.

    Raises:
        UsageError: A text in it is no Unicode.
    """
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        raise UsageError("a text that is to be sent holds half a character (a lone surrogate)") from None
