"""What all operations of a client share: its credentials, its suite, its connection and its access keys."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from e3db_connectors.client import credentials
from e3db_connectors.client.access_keys import AccessKeys
from e3db_connectors.client.api import Api
from e3db_connectors.client.auth import TokenSource, Tsv1Auth
from e3db_connectors.client.config import Config
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.errors import ConfigError, ResponseInvalid
from e3db_connectors.wire import paths
from e3db_connectors.wire.accounts import ClientInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime


class ClientCore:
    """A client that can sign in and knows its keys; the operations are in the classes that build on it.

    Args:
        config: Its credentials, as `Config` or as the mapping that a `Config` returns when called.
            Without it they come from the environment or the profile file.
        trusted_authorizers: Public encryption keys; if given, a key to others' records counts only if one of these has sealed it.

    Raises:
        ConfigError: If there are no credentials, or the two encryption keys do not belong together.
    """

    def __init__(self, config: Config | Mapping[str, Any] | None = None, *, trusted_authorizers: Collection[str] | None = None) -> None:
        """Prepare everything; the first request is sent at first use."""
        if config is None:
            config = credentials.resolve()
        self.config = config if isinstance(config, Config) else Config.from_mapping(config)
        self._local = threading.local()
        self._suite = suite_named(self.config.crypto_suite)
        if self._suite.public_key_of(self.config.private_key) != self.config.public_key:
            raise ConfigError("public_key and private_key do not belong together")
        transport = Transport(self.config.api_url)
        self._api = Api(transport, TokenSource(transport, self.config.api_key_id, self.config.api_secret))
        self._keys = AccessKeys(self._api, self.config, self._suite, trusted_authorizers)

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
        self._local = threading.local()
        self._api.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Who and where; no keys."""
        return f"Client(client_id={self.client_id!r}, api_url={self.config.api_url!r})"

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a client holds keys and is not pickled")

    def client_info(self, client_id: str) -> ClientInfo:
        """What is public of a client."""
        return self._api.get(paths.client(str(client_id)), ClientInfo)

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
        """What signs requests by TSV1."""
        return Tsv1Auth(self.config)
