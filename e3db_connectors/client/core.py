"""What all operations of a client share: its credentials, its suite, its connection and its access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from e3db_connectors.client import credentials
from e3db_connectors.client.access_keys import AccessKeys
from e3db_connectors.client.api import Api
from e3db_connectors.client.auth import TokenSource, Tsv1Auth
from e3db_connectors.client.cipher import RecordCipher
from e3db_connectors.client.config import Config
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto import encoding, signatures
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.errors import ConfigError, ResponseInvalid
from e3db_connectors.wire import paths
from e3db_connectors.wire.accounts import ClientInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime
    from uuid import UUID

    from e3db_connectors.client.traffic import Traffic


class ClientCore:
    """A client that can sign in and knows its keys; the operations are in the classes that build on it.

    Args:
        config: Its credentials, as `Config` or as the mapping that a `Config` returns when called.
            Without it they come from the environment or the profile file.
        trusted_authorizers: Public encryption keys; if given, a key to others' records counts only if one of these has sealed it.
        sign_records: Sign each record that is written (`rec_sig`). Off, for the signature is over clear text and deterministic:
            a server can test guesses with it, and sees which records are equal.

    Raises:
        ConfigError: If there are no credentials, or two keys do not belong together, or records are to be signed without a key.
    """

    def __init__(
        self,
        config: Config | Mapping[str, Any] | None = None,
        *,
        trusted_authorizers: Collection[str] | None = None,
        sign_records: bool = False,
    ) -> None:
        """Prepare everything; the first request is sent at first use."""
        if config is None:
            config = credentials.resolve()
        self.config = config if isinstance(config, Config) else Config.from_mapping(config)
        del config  # a traceback that lists local variables would show its secrets
        self._suite = suite_named(self.config.crypto_suite)
        if self._suite.public_key_of(self.config.private_key) != self.config.public_key:
            raise ConfigError("public_key and private_key do not belong together")
        _check_signing_keys(self.config, required=sign_records)
        self._sign_records = sign_records
        self._signing_keys = KeyPair(self.config.public_signing_key, self.config.private_signing_key)
        self._transport = Transport(self.config.api_url)
        self._api = Api(self._transport, TokenSource(self._transport, self.config.api_key_id, self.config.api_secret))
        self._keys = AccessKeys(self._api, self.config, self._suite, trusted_authorizers)
        self._cipher = RecordCipher(self._suite, self._keys)

    @property
    def client_id(self) -> str:
        """This client's id."""
        return self.config.client_id

    @property
    def private_key_bytes(self) -> bytes:
        """The private key, decoded, to derive other keys of this client from."""
        return encoding.decode(self.config.private_key, what="private key")

    def close(self) -> None:
        """Forget all access keys, and what was decrypted last, and close the connections."""
        self._keys.forget()
        self._cipher.forget()
        self._api.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Who and where; no keys."""
        config = getattr(self, "config", None)  # a traceback may ask one that is only half made
        return f"Client(client_id={config.client_id!r}, api_url={config.api_url!r})" if config else "Client()"

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a client holds keys and is not pickled")

    def client_info(self, client_id: str | UUID) -> ClientInfo:
        """What is public of a client."""
        return self._api.get(paths.client(str(client_id)), ClientInfo)

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's; None before the first reply, or if it tells no time."""
        return self._transport.clock_offset

    def traffic(self) -> Traffic:
        """What this client's calls have cost so far; less an earlier one, what those in between have."""
        return self._transport.traffic.total()

    def server_time(self) -> datetime:
        """The server's clock, in whole seconds (its ``Date`` header).

        Raises:
            ResponseInvalid: The server tells no time.
        """
        reply = self._api.send(Call("GET", paths.client(self.client_id)))
        if reply.date is None:
            raise ResponseInvalid("the server's replies carry no Date header, which incremental reads go by")
        return reply.date

    def _signed(self) -> Tsv1Auth:
        """What signs requests by TSV1.

        Raises:
            ConfigError: The client has no signing key.
        """
        if not self.config.private_signing_key:
            raise ConfigError("this call is signed, and these credentials hold no signing key")
        return Tsv1Auth(self._signing_keys, self.client_id)


def _check_signing_keys(config: Config, *, required: bool) -> None:
    private, public = config.private_signing_key, config.public_signing_key
    if private and public and signatures.public_key_of(private) != public:
        raise ConfigError("public_signing_key and private_signing_key do not belong together")
    if required and not (private and public):
        raise ConfigError("records can only be signed with public_signing_key and private_signing_key")
