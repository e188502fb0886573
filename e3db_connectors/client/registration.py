"""Registering a new client (protocol section 5.1)."""

from __future__ import annotations

from e3db_connectors.client import decoding
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.config import DEFAULT_API_URL, Config, checked_url, default_suite
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto.signatures import generate_signing_keypair
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.wire import paths
from e3db_connectors.wire.accounts import NewClient, RegisteredClient, Registration
from e3db_connectors.wire.records import to_bytes


def register(token: str, name: str, *, api_url: str = DEFAULT_API_URL, crypto_suite: str | None = None) -> Config:
    """Register a client under new keys that are made here and stay here.

    Args:
        token: The registration token.
        name: A name for the client; others whom it shares with will see it.
        api_url: Where the server is.
        crypto_suite: ``sodium`` or ``nist``; see `Config`.

    Returns:
        The new client's credentials. Keep them: nobody else has the private keys.

    Raises:
        Unauthorized: The token is not valid.
    """
    api_url = checked_url(api_url)
    crypto_suite = crypto_suite or default_suite()
    suite = suite_named(crypto_suite)
    keys, signing = suite.generate_keypair(), generate_signing_keypair()
    new = NewClient(name=name, public_key={suite.key_map_name: keys.public}, signing_key={"ed25519": signing.public})
    call = Call("POST", paths.REGISTER, to_bytes(Registration(token, new)), repeatable=False)
    transport = Transport(api_url)
    try:
        made = decoding.decode(transport.send(call, NoAuth()).body, RegisteredClient, call)
    finally:
        transport.close()
    return Config(
        client_id=made.client_id,
        api_key_id=made.api_key_id,
        api_secret=made.api_secret,
        public_key=keys.public,
        private_key=keys.private,
        public_signing_key=signing.public,
        private_signing_key=signing.private,
        api_url=api_url,
        crypto_suite=crypto_suite,
    )
