"""Registering a new client (protocol section 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from e3db_connectors.client import decoding
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.config import DEFAULT_API_URL, Config, checked_url, default_suite
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.crypto.signatures import generate_signing_keypair
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.errors import UsageError
from e3db_connectors.wire import paths
from e3db_connectors.wire.accounts import NewClient, RegisteredClient, Registration
from e3db_connectors.wire.records import to_bytes


@dataclass(frozen=True)
class ClientDetails:
    """A client that has just been registered.

    Args:
        client_id: Its id.
        api_key_id: Name of its API key.
        api_secret: Secret of its API key.
        name: As it was registered.
        public_key: Its encryption key.
        backup_client_id: The client that key backups are shared with.
        api_url: Where it was registered.
        crypto_suite: ``sodium`` or ``nist``.
        keys: Its encryption key pair, if the private half was made or given here.
        signing_keys: Likewise.
    """

    client_id: str
    api_key_id: str
    api_secret: str = field(repr=False)
    name: str
    public_key: str
    backup_client_id: str
    api_url: str
    crypto_suite: str
    keys: KeyPair | None = None
    signing_keys: KeyPair | None = None

    def __post_init__(self) -> None:
        """Hide the secret."""
        object.__setattr__(self, "api_secret", SecretText(self.api_secret))

    @property
    def config(self) -> Config:
        """Its credentials. Keep them: nobody else has the private keys.

        Raises:
            UsageError: The private key is not known here.
        """
        if self.keys is None:
            raise UsageError("the private key was not given at registration, so make the Config from your own key")
        signing = self.signing_keys or KeyPair("", "")
        return Config(
            client_id=self.client_id,
            api_key_id=self.api_key_id,
            api_secret=self.api_secret,
            public_key=self.keys.public,
            private_key=self.keys.private,
            public_signing_key=signing.public,
            private_signing_key=signing.private,
            api_url=self.api_url,
            crypto_suite=self.crypto_suite,
        )


def register(
    token: str,
    name: str,
    *,
    keys: KeyPair | None = None,
    signing_keys: KeyPair | None = None,
    api_url: str = DEFAULT_API_URL,
    crypto_suite: str | None = None,
) -> ClientDetails:
    """Register a client.

    Args:
        token: The registration token.
        name: A name for the client; others whom it shares with will see it.
        keys: Its encryption key pair; without it both pairs are made here. A private half that is empty stays unknown here.
        signing_keys: Its signing key pair; only looked at if *keys* is given.
        api_url: Where the server is.
        crypto_suite: ``sodium`` or ``nist``; see `Config`.

    Raises:
        Unauthorized: The token is not valid.
        OutcomeUnknown: No answer came; the client may have been registered, and can be forgotten then.
    """
    api_url = checked_url(api_url)
    crypto_suite = crypto_suite or default_suite()
    suite = suite_named(crypto_suite)
    if keys is None:
        keys, signing_keys = suite.generate_keypair(), generate_signing_keypair()
    elif keys.private and suite.public_key_of(keys.private) != keys.public:
        raise UsageError("public and private key do not belong together, or to another suite")
    new = NewClient(
        name=name,
        public_key={suite.key_map_name: keys.public},
        signing_key={"ed25519": signing_keys.public} if signing_keys else None,
    )
    made, backup_client_id = _send(Registration(token, new), api_url)
    return ClientDetails(
        client_id=made.client_id,
        api_key_id=made.api_key_id,
        api_secret=made.api_secret,
        name=made.name,
        public_key=keys.public,
        backup_client_id=backup_client_id,
        api_url=api_url,
        crypto_suite=crypto_suite,
        keys=keys if keys.private else None,
        signing_keys=signing_keys,
    )


def _send(registration: Registration, api_url: str) -> tuple[RegisteredClient, str]:
    call = Call("POST", paths.REGISTER, to_bytes(registration), repeatable=False)
    transport = Transport(api_url)
    try:
        reply = transport.send(call, NoAuth())
    finally:
        transport.close()
    return decoding.decode(reply.body, RegisteredClient, call), reply.headers.get("X-Backup-Client", "")
