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
from e3db_connectors.client.connections import Deadline
from e3db_connectors.client.transport import Call
from e3db_connectors.crypto import signatures
from e3db_connectors.errors import ResponseInvalid, TransportError, Unavailable
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
RENEWAL_SECONDS: Final = 10.0
"""How long a renewal may take, and how long the next one waits after a failure, while the old token still holds."""
LIFE_MAX: Final = 86_400
"""A token is renewed at least once a day, whatever the server says of its life."""


class NoAuth(AuthBase):
    """Sends no credentials. Without it, `requests` would look into ``~/.netrc``."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Leave the request as it is."""
        return request


class _Bearer(AuthBase):
    """A token.

    Attributes:
        renew_at: From when on to try for another one, by the steady clock.
        ends_at: From when on it is of no use.
    """

    def __init__(self, token: str, renew_at: float, ends_at: float) -> None:
        self._token = token
        self.renew_at, self.ends_at = renew_at, ends_at

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

    def current(self, deadline: Deadline | None = None) -> AuthBase:
        """The token to use now; fetched or renewed if need be, within the time of the operation that asks.

        Raises:
            Unauthorized: The API key is not valid.
            TransportError: There was none in time.
        """
        until, known = deadline or self._transport.deadline(), self._current
        if known and time.monotonic() < known.renew_at:
            return known
        spare = known if known and time.monotonic() < known.ends_at else None
        # One thread renews. While the token still holds, the others go on with it and do not wait.
        if not self._lock.acquire(timeout=0 if spare else max(until.left(), 0)):
            if spare:
                return spare
            raise TransportError("timed out while another thread signed in")
        try:
            if self._current is None or time.monotonic() >= self._current.renew_at:
                self._current = self._renewed(spare, until)
            return self._current
        finally:
            self._lock.release()

    def after_fork(self) -> None:
        """Let go of a lock that a thread of the parent may have held."""
        self._lock = Lock()

    def discard(self, refused: AuthBase) -> None:
        """Forget a token that the server refused, unless another thread has renewed it since."""
        with self._lock:
            if self._current is refused:
                self._current = None

    def _renewed(self, spare: _Bearer | None, until: Deadline) -> _Bearer:
        if spare is None:
            return self._fetch(until)
        try:
            return self._fetch(Deadline(min(until.left(), RENEWAL_SECONDS)))
        except (TransportError, Unavailable):
            spare.renew_at = time.monotonic() + RENEWAL_SECONDS
            return spare

    def _fetch(self, until: Deadline) -> _Bearer:
        asked_at = time.monotonic()
        call = Call("POST", paths.TOKEN, b"grant_type=client_credentials", content_type="application/x-www-form-urlencoded")
        reply = self._transport.send(call, self._basic, until)
        token = decoding.decode(reply.body, Token, call)
        if not (token.access_token.isascii() and token.access_token.isprintable()):
            raise ResponseInvalid(f"{call.shown}: the token holds a character that no header can carry")
        life = min(max(token.expires_in, 0), LIFE_MAX)
        return _Bearer(token.access_token, asked_at + max(life - EARLY_SECONDS, life / 2), asked_at + life)
