"""The client: everything that a program does with E3DB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.client import registration
from e3db_connectors.client.backup import BackupOperations
from e3db_connectors.client.bulk import BulkOperations
from e3db_connectors.client.config import DEFAULT_API_URL, default_suite
from e3db_connectors.client.files import FileOperations
from e3db_connectors.client.notes import NoteOperations
from e3db_connectors.client.original.client import OriginalClient
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.crypto.signatures import generate_signing_keypair
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.errors import BackupFailed, E3DBError, UsageError

if TYPE_CHECKING:
    from e3db_connectors.client.registration import ClientDetails


class Client(BulkOperations, BackupOperations, FileOperations, NoteOperations, OriginalClient):
    """An E3DB client; several threads may share one. See `ClientCore` for what it takes."""

    @staticmethod
    def generate_keypair(crypto_suite: str | None = None) -> KeyPair:
        """Make an encryption key pair; it unpacks to (public, private)."""
        return suite_named(crypto_suite or default_suite()).generate_keypair()

    @staticmethod
    def generate_signing_keypair() -> KeyPair:
        """Make a signing key pair; it unpacks to (public, private)."""
        return generate_signing_keypair()

    @classmethod
    def register(  # noqa: PLR0913 - what a client consists of
        cls,
        token: str,
        name: str,
        public_key: str | None = None,
        *,
        private_key: str | None = None,
        public_signing_key: str | None = None,
        private_signing_key: str | None = None,
        backup: bool = False,
        api_url: str = DEFAULT_API_URL,
        crypto_suite: str | None = None,
    ) -> ClientDetails:
        """Register a client: ``Client(Client.register(token, name).config)``.

        Args:
            token: The registration token.
            name: A name for the client; others whom it shares with will see it.
            public_key: Its encryption key. Without it, encryption and signing keys are made here.
            private_key: The private half, if the client's `ClientDetails.config` is wanted.
            public_signing_key: Its signing key, if it is to have one beside a given *public_key*.
            private_signing_key: The private half.
            backup: Let the owner of the account restore the client's keys; see `backup`.
            api_url: Where the server is.
            crypto_suite: ``sodium`` or ``nist``; see `Config`.

        Raises:
            Unauthorized: The token is not valid.
            BackupFailed: The client has been registered, its backup failed; the error holds the `ClientDetails`.
        """
        private_key, private_signing_key = SecretText(private_key or ""), SecretText(private_signing_key or "")
        if backup and public_key and not private_key:
            raise UsageError("a backup holds the private key: give private_key, too")
        made = registration.register(
            token,
            name,
            keys=KeyPair(public_key, private_key) if public_key else None,
            signing_keys=KeyPair(public_signing_key, private_signing_key) if public_signing_key else None,
            api_url=api_url,
            crypto_suite=crypto_suite,
        )
        if backup:
            try:
                with cls(made.config) as client:
                    client.backup(made.backup_client_id, token)
            except E3DBError as exc:
                raise BackupFailed(f"client {made.client_id} is registered, but its backup failed: {exc}", made) from None
        return made
