"""What the original's client, key pairs and note options are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e3db_connectors.client import notes
from e3db_connectors.client.config import DEFAULT_API_URL
from e3db_connectors.client.core import ClientCore
from e3db_connectors.client.queries import QueryOperations
from e3db_connectors.crypto import note_fields
from e3db_connectors.crypto.keypair import KeyPair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.client.search import Search, SearchPage
    from e3db_connectors.wire.notes import Note


class NamedKeyPair(KeyPair):
    """A key pair with the original's names for its halves; ``EncryptionKeyPair`` and ``SigningKeyPair`` in `types`."""

    def __init__(self, public_key: str, private_key: str) -> None:
        """Keep both texts."""
        super().__init__(public_key, private_key)

    @property
    def public_key(self) -> str:
        """The public half."""
        return self.public

    @property
    def private_key(self) -> str:
        """The private half."""
        return self.private


class NoteOptions(notes.NoteOptions):
    """`notes.NoteOptions` with the original's arguments.

    Args:
        note_writer_client_id: Left aside: the server takes the writer from the request's signature.
        max_views: As there.
        id_string: As there.
        expiration: As there.
        expires: Whether `expiration` counts.
        type: As there.
        plain: As there.
        file_meta: As there.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the original's
        self,
        note_writer_client_id: object = None,
        max_views: int | None = None,
        id_string: str | None = None,
        expiration: Any = None,
        expires: bool = False,  # noqa: FBT001, FBT002 - the original's
        type: str = "",  # noqa: A002 - the original's
        plain: Mapping[str, str] | None = None,
        file_meta: Mapping[str, str] | None = None,
    ) -> None:
        """Take the original's arguments."""
        del note_writer_client_id
        super().__init__(id_string, max_views, expiration if expires else None, type, plain or {}, file_meta or {})


class OriginalClient(QueryOperations, ClientCore):
    """What the original's `Client` calls otherwise than ours, or has on the class."""

    def Search(self, query: Search) -> SearchPage:
        """`Client.search`."""
        return self.search(query)

    @property
    def encryption_keys(self) -> NamedKeyPair:
        """This client's encryption keys."""
        return NamedKeyPair(self.config.public_key, self.config.private_key)

    @property
    def signing_keys(self) -> NamedKeyPair:
        """This client's signing keys."""
        return NamedKeyPair(self.config.public_signing_key, self.config.private_signing_key)

    @staticmethod
    def create_encrypted_note(
        data: Mapping[str, str],
        recipient_public_key: str,
        recipient_public_signing_key: str,
        writer_key_pair: KeyPair,
        writer_signing_key_pair: KeyPair,
        note_options: notes.NoteOptions | None = None,
    ) -> Note:
        """`notes.encrypt_note`."""
        return notes.encrypt_note(
            data,
            recipient_public_key,
            recipient_public_signing_key,
            writer_keys=writer_key_pair,
            writer_signing_keys=writer_signing_key_pair,
            options=note_options,
        )

    @staticmethod
    def decrypt_note(note: Note, private_key: str) -> Note:
        """`notes.decrypt_note`. Its signatures are always verified."""
        return notes.decrypt_note(note, private_key)

    @staticmethod
    def verify_field(key: str, value: str, verifying_key: str, salt: str | None = None) -> str:
        """`note_fields.verify_field`: the value, if its signature is good."""
        return note_fields.verify_field(key, value, salt, verifying_key)[0]

    @staticmethod
    def write_anonymous_note(
        data: Mapping[str, str],
        recipient_encryption_key: str,
        recipient_signing_key: str,
        encryption_key_pair: KeyPair,
        signing_key_pair: KeyPair,
        options: notes.NoteOptions | None = None,
        api_url: str = DEFAULT_API_URL,
    ) -> Note:
        """`notes.write_anonymous_note`."""
        return notes.write_anonymous_note(
            data, recipient_encryption_key, recipient_signing_key, encryption_key_pair, signing_key_pair, options, api_url=api_url
        )

    @staticmethod
    def read_anonymous_note_by_id(
        note_id: str, private_encryption_key: str, private_signing_key: str, *, api_url: str = DEFAULT_API_URL
    ) -> Note:
        """`notes.read_anonymous_note` by id."""
        return notes.read_anonymous_note("note_id", note_id, private_encryption_key, private_signing_key, api_url=api_url)

    @staticmethod
    def read_anonymous_note_by_name(
        name: str, private_encryption_key: str, private_signing_key: str, *, api_url: str = DEFAULT_API_URL
    ) -> Note:
        """`notes.read_anonymous_note` by name."""
        return notes.read_anonymous_note("id_string", name, private_encryption_key, private_signing_key, api_url=api_url)
