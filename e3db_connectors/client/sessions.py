"""Sessions that one thread has at a time: requests without cookies, redirects, repeats or anything from ``~/.netrc``.

`requests` finds the way to a server, through proxies and with certificates, once for each. What it does for every single request beyond
that takes twice as long as sending it, so the requests themselves go to urllib3.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3 import Timeout

from e3db_connectors.client import forks
from e3db_connectors.client.addresses import leads_to_this_machine
from e3db_connectors.client.connections import use_our_connections
from e3db_connectors.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from requests.auth import AuthBase
    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import HTTPConnectionPool

    from e3db_connectors.client.connections import Deadline

POOL_SIZE: Final = 32
"""Calls under way at a time; more threads wait for their turn."""

_HEADERS: Final = {"User-Agent": "e3db-connectors", "Accept": "*/*"}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        use_our_connections(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        use_our_connections(manager)
        return manager

    def close(self) -> None:
        """Close the connections now; urllib3 leaves it to the garbage collector, which may find them in a traceback much later."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                manager.pools[key].close()
        super().close()


class Response:
    """A reply of which only the head has been read.

    Attributes:
        raw: What its body is read from.
    """

    def __init__(self, raw: BaseHTTPResponse) -> None:
        """Keep what has come."""
        self.status_code: int = raw.status
        self.headers: Mapping[str, str] = raw.headers
        self.raw = raw

    def close(self) -> None:
        """Let go of the connection; it ends if there is something left to read."""
        self.raw.close()


class Session:
    """Sends requests, each place's over one connection; for one thread at a time.

    Args:
        surroundings: What is on the way.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        """Open nothing yet."""
        self._surroundings = surroundings
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0)
        self._ways: dict[str, tuple[HTTPConnectionPool, str]] = {}

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout: tuple[float, float],
        data: bytes | Iterable[bytes] | None = None,
        auth: AuthBase | None = None,
    ) -> Response:
        """Send a request and wait for the head of its reply.

        Args:
            method: HTTP method.
            url: Percent-encoded.
            headers: Beside those of every request.
            timeout: Seconds for connecting, and for each silence afterwards.
            data: The body; for one in pieces, *headers* hold a ``Content-Length``.
            auth: Credentials.

        Raises:
            UsageError: A header holds what HTTP cannot carry.
            ConfigError: As `Surroundings.of`.
            requests.RequestException: The URL leads nowhere.
            urllib3.exceptions.HTTPError: No reply.
        """
        sent: Any = {**_HEADERS, **headers}
        if auth is not None:
            prepared = requests.PreparedRequest()  # not prepared: it only takes what credentials add
            prepared.method, prepared.url, prepared.headers = method, url, sent
            auth(prepared)
        _require_sendable(sent)
        parts = urlsplit(url)
        pool, prefix = self._way(_origin(url))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        raw = pool.urlopen(
            method,
            prefix + target,
            body=cast("bytes | None", data),  # pieces are fine, too
            headers=sent,
            timeout=Timeout(connect=timeout[0], read=timeout[1]),
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        return Response(raw)

    def close(self) -> None:
        """Close all connections."""
        self._ways.clear()
        self._adapter.close()

    def _way(self, origin: str) -> tuple[HTTPConnectionPool, str]:
        """The connections that lead to an origin, and what a proxy needs in front of the path."""
        if origin not in self._ways:
            request = requests.Request("GET", origin).prepare()
            found = self._surroundings.of(origin)
            proxies, verify = found["proxies"], found["verify"]
            pool: Any = self._adapter.get_connection_with_tls_context(request, verify, proxies)
            cast("Any", self._adapter).cert_verify(pool, request.url, verify, None)  # names the certificates that `requests` trusts
            self._ways[origin] = pool, self._adapter.request_url(request, proxies).removesuffix("/")
        return self._ways[origin]


def _require_sendable(headers: Mapping[str, str]) -> None:
    """What checks it further down shows the value, which may be a secret."""
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise UsageError(f"the header {name} would hold a character that HTTP cannot carry")


class Surroundings:
    """Proxies and certificates as the environment names them, looked up once for each place."""

    def __init__(self) -> None:
        """Look nothing up yet."""
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, origin: str) -> Mapping[str, Any]:
        """What is on the way to an origin: ``proxies`` and ``verify``, as `requests` calls them.

        Raises:
            ConfigError: The environment names what is not there, or a proxy of another kind.
        """
        if origin not in self._known:
            with requests.Session() as session:
                found: dict[str, Any] = dict(session.merge_environment_settings(origin, {}, None, None, None))
            if leads_to_this_machine(origin) and urlsplit(origin).scheme == "http":
                found["proxies"] = {}  # in clear text nothing leaves the machine, whatever proxy there is for the rest
            _check(origin, found)
            self._known[origin] = found
        return self._known[origin]


def _check(origin: str, found: Mapping[str, Any]) -> None:
    certificates = found["verify"]
    if isinstance(certificates, str) and not Path(certificates).exists():
        raise ConfigError("the certificates that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names are not there; mend the variable, or unset it")
    if (select_proxy(origin, found["proxies"]) or "").lower().startswith("socks"):
        raise ConfigError("SOCKS proxies are not supported; name an http proxy in HTTPS_PROXY, or the host in NO_PROXY")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class SessionPool:
    """Sessions, lent to one thread at a time.

    No lock is held while a session is in use, so nothing that a thread holds is missed in the child of a fork.
    """

    def __init__(self, url: str) -> None:
        """Look up the way to *url*; nothing is opened yet.

        Raises:
            ConfigError: As `Surroundings.of`.
        """
        self._surroundings = Surroundings()
        self._surroundings.of(_origin(url))
        self.after_fork()
        forks.renew_in_child(self)

    def after_fork(self) -> None:
        """Leave the parent's connections to it."""
        self._idle: deque[Session] = deque()
        self._slots = BoundedSemaphore(POOL_SIZE)

    @contextmanager
    def lend(self, deadline: Deadline) -> Iterator[Session]:
        """A session for the time of the block.

        Raises:
            TimeoutError: All were busy until the deadline.
        """
        slots, idle = self._slots, self._idle
        if not slots.acquire(timeout=max(deadline.left(), 0)):
            raise TimeoutError("all connections are busy")
        try:
            try:
                session = idle.pop()
            except IndexError:
                session = Session(self._surroundings)
            try:
                yield session
            finally:
                if idle is self._idle:
                    idle.append(session)
                else:
                    session.close()
        finally:
            slots.release()

    def close(self) -> None:
        """Close all connections, those in use when they come back."""
        idle, self._idle = self._idle, deque()
        for session in idle:
            session.close()
