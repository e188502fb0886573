"""Bearer tokens (protocol section 3): fetched once for all threads, renewed before they expire."""

from __future__ import annotations

import time
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

from requests.auth import AuthBase, HTTPBasicAuth

from e3db_connectors.client import decoding, forks
from e3db_connectors.client.clock import DatedAuth
from e3db_connectors.client.transport import Call
from e3db_connectors.crypto import signatures
from e3db_connectors.wire import paths, tsv1
from e3db_connectors.wire.accounts import Token
from e3db_connectors.wire.tsv1 import Tsv1Header

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest

    from e3db_connectors.client.transport import Transport
    from e3db_connectors.crypto.keypair import KeyPair

EARLY_SECONDS: Final = 30
"""How long before its end a token is renewed; at most half of its life."""


class NoAuth(AuthBase):
    """Sends no credentials. Without it, `requests` would look into ``~/.netrc``."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave the request as it is."""
        return request


class _Bearer(AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Tsv1Auth(DatedAuth):
    """Signs each request (protocol section 4).

    Args:
        keys: A signing key pair.
        client_id: Whose it is; without it the request is anonymous.
        now: The clock that the signed time comes from.
    """

    def __init__(self, keys: KeyPair, client_id: str = "", now: Callable[[], float] = time.time) -> None:
        """Keep the keys."""
        self._keys, self._client_id, self._now = keys, client_id, now

    def at(self, now: Callable[[], float]) -> Tsv1Auth:
        """The same, by another clock."""
        return Tsv1Auth(self._keys, self._client_id, now)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign method, path and query; each attempt gets a nonce of its own."""
        parts = urlsplit(request.url or "")
        header = Tsv1Header(self._keys.public, int(self._now()), str(uuid4()), self._client_id)
        text = header.to_sign(request.method or "", str(parts.path), tsv1.canonical_query(str(parts.query)))
        signature = signatures.sign(signatures.digest(text), self._keys.private)
        request.headers["Authorization"] = replace(header, signature=signature).text()
        return request


class TokenSource:
    """Gives out the current bearer token.

    Expiry is counted from the moment of the request on this machine's own steady clock, so a wrong wall clock does no harm.
    """

    def __init__(self, transport: Transport, api_key_id: str, api_secret: str) -> None:
        """Keep what signs in; nothing is sent yet."""
        self._transport = transport
        self._basic = HTTPBasicAuth(api_key_id, api_secret)
        self._lock = Lock()
        forks.renew_in_child(self)
        self._current: _Bearer | None = None
        self._renew_at = 0.0

    def current(self) -> AuthBase:
        """The token to use now; fetched or renewed if need be.

        Raises:
            Unauthorized: The API key is not valid.
        """
        with self._lock:
            if self._current is None or time.monotonic() >= self._renew_at:
                self._current = self._fetch()
            return self._current

    def after_fork(self) -> None:
        """Let go of a lock that a thread of the parent may have held."""
        self._lock = Lock()

    def discard(self, refused: AuthBase) -> None:
        """Forget a token that the server refused, unless another thread has renewed it since."""
        with self._lock:
            if self._current is refused:
                self._current = None

    def _fetch(self) -> _Bearer:
        asked_at = time.monotonic()
        call = Call("POST", paths.TOKEN, b"grant_type=client_credentials", content_type="application/x-www-form-urlencoded")
        reply = self._transport.send(call, self._basic)
        token = decoding.decode(reply.body, Token, call)
        self._renew_at = asked_at + max(token.expires_in - EARLY_SECONDS, token.expires_in / 2)
        return _Bearer(token.access_token)
