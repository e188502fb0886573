"""Notes: one-shot messages, signed field by field and sealed for one recipient (protocol section 14)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from e3db_connectors.client import decoding
from e3db_connectors.client.arguments import require_text
from e3db_connectors.client.auth import Tsv1Auth
from e3db_connectors.client.config import DEFAULT_API_URL, checked_url
from e3db_connectors.client.core import ClientCore
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto import note_fields
from e3db_connectors.crypto.access_keys import generate_access_key, open_access_key, seal_access_key
from e3db_connectors.crypto.fields import open_field, seal_field
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.signatures import public_key_of
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError, ResponseInvalid, UsageError
from e3db_connectors.wire import paths, times
from e3db_connectors.wire.notes import Note
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from requests.auth import AuthBase

_SUITE: Final = SodiumSuite()
"""Notes exist in this suite only."""


@dataclass(frozen=True)
class NoteOptions:
    """What a note says beside its data; all of it in clear.

    Args:
        id_string: A name, unique among all clients of the server; not kept for anonymous writers.
        max_views: How often it can be read; None or -1: without limit.
        expiration: When it ends, as a datetime or RFC 3339 text. A time without a zone is taken as UTC.
        type: A word of the writer's own.
        plain: Clear text values.
        file_meta: Likewise.
    """

    id_string: str | None = None
    max_views: int | None = None
    expiration: datetime | str | None = None
    type: str = ""
    plain: Mapping[str, str] = field(default_factory=dict)
    file_meta: Mapping[str, str] = field(default_factory=dict)


def encrypt_note(
    data: Mapping[str, str],
    recipient_encryption_key: str,
    recipient_signing_key: str,
    *,
    writer_keys: KeyPair,
    writer_signing_keys: KeyPair,
    options: NoteOptions | None = None,
) -> Note:
    """Sign and seal a note; nothing is sent.

    Args:
        data: What only the recipient is to read. The names stay clear.
        recipient_encryption_key: The recipient's public encryption key (Sodium).
        recipient_signing_key: The recipient's public signing key: who has its private half can fetch the note.
        writer_keys: The writer's encryption keys.
        writer_signing_keys: The writer's signing keys.
        options: See `NoteOptions`.
    """
    options = options or NoteOptions()
    require_text(data, "data")
    require_text(options.plain, "plain")
    key = generate_access_key()
    signed, signature = note_fields.sign_note(data, str(uuid4()), writer_signing_keys.private)
    return Note(
        recipient_signing_key=recipient_signing_key,
        writer_signing_key=writer_signing_keys.public,
        writer_encryption_key=writer_keys.public,
        encrypted_access_key=seal_access_key(_SUITE, key, recipient_encryption_key, writer_keys.private),
        signature=signature,
        data={name: seal_field(_SUITE, key, text) for name, text in signed.items()},
        id_string=options.id_string,
        type=options.type,
        plain=dict(options.plain),
        file_meta=dict(options.file_meta),
        max_views=-1 if options.max_views is None else options.max_views,
        expiration=_rendered(options.expiration) if options.expiration else None,
        expires=options.expiration is not None,
    )


def decrypt_note(note: Note, private_key: str, *, writer_signing_key: str | None = None) -> Note:
    """Open a note and check that all of it was signed by its writer.

    Args:
        note: As it came.
        private_key: The recipient's private encryption key.
        writer_signing_key: The writer's public signing key, if it is known from elsewhere. Without it the signatures only show that
            all of the note has one writer: the note itself names the key.

    Returns:
        The note with its data in clear.

    Raises:
        DecryptionError: It was not sealed for this key.
        SignatureInvalid: A field is not signed, or not by the writer.
    """
    key = open_access_key(_SUITE, note.encrypted_access_key, note.writer_encryption_key, private_key)
    signed = {name: open_field(_SUITE, key, quad) for name, quad in note.data.items()}
    clear = note_fields.verify_note(signed, note.signature, writer_signing_key or note.writer_signing_key)
    return msgspec.structs.replace(note, data=clear)


def _rendered(moment: datetime | str) -> str:
    return times.render(times.parse(moment) if isinstance(moment, str) else times.assume_utc(moment))


class NoteService:
    """Notes on a server, by whoever signs the requests: a client, or nobody in particular.

    Args:
        transport: Where they are.
        auth: Signs the requests.
    """

    def __init__(self, transport: Transport, auth: AuthBase) -> None:
        """Join the two."""
        self._transport, self._auth = transport, auth

    def write(self, note: Note, *, replace: bool = False) -> Note:
        """Store a note, or put it in the place of the one that has its name."""
        call = Call("PUT" if replace else "POST", paths.NOTES, to_bytes(note), repeatable=False)
        return self._send(call)

    def read(self, name: str, value: str) -> Note:
        """Fetch a note by ``note_id`` or ``id_string``. Once: a lost answer may have used up a view."""
        return self._send(Call("GET", paths.note_by(name, value), repeatable=False))

    def views(self, note_id: str) -> int:
        """How often a note can still be read."""
        call = Call("GET", paths.note_by("note_id", note_id, paths.NOTE_VIEWS))
        return decoding.decode(self._transport.send(call, self._auth).body, int, call)

    def delete(self, note_id: str) -> None:
        """Delete a note."""
        self._transport.send(Call("DELETE", paths.note(note_id), repeatable=False), self._auth)

    def _send(self, call: Call) -> Note:
        note = decoding.decode(self._transport.send(call, self._auth).body, Note, call)
        if not note.note_id:
            raise ResponseInvalid(f"{call.shown}: the server's note has no id")
        return note


class NoteOperations(ClientCore):
    """Notes from and to this client, signed with its signing key.

    A note has no access key that others could share: it is sealed once, for one recipient, and does not show in queries or searches.
    """

    def write_note(
        self, data: Mapping[str, str], recipient_encryption_key: str, recipient_signing_key: str, options: NoteOptions | None = None
    ) -> Note:
        """Send a note; see `encrypt_note` for the arguments.

        Returns:
            The note as the server keeps it, with the data in clear.

        Raises:
            Conflict: The name (`NoteOptions.id_string`) is taken.
            OutcomeUnknown: No answer came; the note may be there or not.
        """
        return self._put_note(data, recipient_encryption_key, recipient_signing_key, options, replace=False)

    def replace_note(
        self, data: Mapping[str, str], recipient_encryption_key: str, recipient_signing_key: str, options: NoteOptions
    ) -> Note:
        """Put a note in the place of this client's note of the same name, or write it if there is none. It gets an id of its own.

        Raises:
            Forbidden: The name belongs to another client's note.
            UsageError: The options name no `id_string`.
        """
        if not options.id_string:
            raise UsageError("a note is replaced by its name: give options.id_string")
        return self._put_note(data, recipient_encryption_key, recipient_signing_key, options, replace=True)

    def read_note(self, note_id: str | UUID, *, writer_signing_key: str | None = None) -> Note:
        """Read a note to this client; this uses up one of its views. See `decrypt_note`.

        Raises:
            NotFound: There is none, or it is for somebody else, has run out or been read as often as it may.
            OutcomeUnknown: No answer came; a view may have been used up.
        """
        return self._opened_note("note_id", str(note_id), writer_signing_key)

    def read_note_by_name(self, name: str, *, writer_signing_key: str | None = None) -> Note:
        """Read a note to this client by its `id_string`; see `read_note`."""
        return self._opened_note("id_string", name, writer_signing_key)

    def note_views(self, note_id: str | UUID) -> int:
        """How often a note can still be read; -1: without limit."""
        return self._notes().views(str(note_id))

    def delete_note(self, note_id: str | UUID) -> None:
        """Delete a note that this client has written."""
        self._notes().delete(str(note_id))

    def _put_note(
        self,
        data: Mapping[str, str],
        recipient_encryption_key: str,
        recipient_signing_key: str,
        options: NoteOptions | None,
        *,
        replace: bool,
    ) -> Note:
        service = self._notes()
        note = encrypt_note(
            data,
            recipient_encryption_key,
            recipient_signing_key,
            writer_keys=KeyPair(self.config.public_key, self.config.private_key),
            writer_signing_keys=self._signing_keys,
            options=options,
        )
        stored = service.write(msgspec.structs.replace(note, client_id=self.client_id), replace=replace)
        return msgspec.structs.replace(stored, data=dict(data))

    def _opened_note(self, name: str, value: str, writer_signing_key: str | None) -> Note:
        return decrypt_note(self._notes().read(name, value), self.config.private_key, writer_signing_key=writer_signing_key)

    def _notes(self) -> NoteService:
        if not isinstance(self._suite, SodiumSuite):
            raise ConfigError("notes exist in the Sodium suite only, and these credentials are of another one")
        return NoteService(self._transport, self._signed())


def write_anonymous_note(
    data: Mapping[str, str],
    recipient_encryption_key: str,
    recipient_signing_key: str,
    writer_keys: KeyPair,
    writer_signing_keys: KeyPair,
    options: NoteOptions | None = None,
    *,
    api_url: str = DEFAULT_API_URL,
) -> Note:
    """Send a note without being a client; it gets no name. See `encrypt_note` for the arguments.

    Returns:
        The note as the server keeps it, with the data in clear.
    """
    note = encrypt_note(
        data,
        recipient_encryption_key,
        recipient_signing_key,
        writer_keys=writer_keys,
        writer_signing_keys=writer_signing_keys,
        options=options,
    )
    with closing(Transport(checked_url(api_url))) as transport:
        stored = NoteService(transport, Tsv1Auth(writer_signing_keys)).write(note)
    return msgspec.structs.replace(stored, data=dict(data))


def read_anonymous_note(
    name: str,
    value: str,
    private_encryption_key: str,
    private_signing_key: str,
    *,
    api_url: str = DEFAULT_API_URL,
    writer_signing_key: str | None = None,
) -> Note:
    """Read a note with the recipient's keys, without being a client; see `NoteOperations.read_note`.

    Args:
        name: What to find it by: ``note_id`` or ``id_string``.
        value: Its id or name.
        private_encryption_key: Of the recipient.
        private_signing_key: Of the recipient.
        api_url: Where the server is.
        writer_signing_key: See `decrypt_note`.
    """
    signing_keys = KeyPair(public_key_of(private_signing_key), private_signing_key)
    with closing(Transport(checked_url(api_url))) as transport:
        note = NoteService(transport, Tsv1Auth(signing_keys)).read(name, value)
    return decrypt_note(note, private_encryption_key, writer_signing_key=writer_signing_key)
