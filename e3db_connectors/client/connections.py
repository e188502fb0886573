"""Connections that keep to a deadline, whatever the server does, and sessions that one thread has at a time.

The timeouts of `requests` count from one received byte to the next, so a server that sends a byte now and then holds its caller
for ever. Here the connection itself knows by when its call has to be over.
"""

from __future__ import annotations

import http.client
import io
import logging
import time
from collections import deque
from contextlib import contextmanager
from contextvars import ContextVar
from http.cookiejar import DefaultCookiePolicy
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from e3db_connectors.client import forks

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

POOL_SIZE: Final = 32
"""Calls under way at a time; more threads wait for their turn."""
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
"""Longest silence: without a byte received, or without a byte that the other side takes."""
PIECE_SIZE: Final = 64 * 1024


class Deadline:
    """A moment by which something has to be over, by the steady clock."""

    def __init__(self, seconds: float) -> None:
        """It is *seconds* away."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; negative when it has passed."""
        return self._end - time.monotonic()

    def within(self, most: float) -> float:
        """How long something may take that takes *most* seconds if there is time.

        Raises:
            TimeoutError: There is none.
        """
        left = self.left()
        if left <= 0:
            raise TimeoutError("no time left")
        return min(left, most)


class Attempt:
    """One try at a call.

    Attributes:
        deadline: By when it has to be over.
        sent: Whether the server may have received any of it.
    """

    def __init__(self, deadline: Deadline) -> None:
        """Nothing is sent yet."""
        self.deadline, self.sent = deadline, False

    def request(self, session: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        """Send a request and wait for the head of its reply; the body is read later, under the same deadline.

        Raises:
            TimeoutError: No time was left to begin with.
            requests.RequestException: No reply.
            urllib3.exceptions.HTTPError: The same, where `requests` forgets to translate it.
        """
        timeouts = (self.deadline.within(CONNECT_SECONDS), self.deadline.within(READ_SECONDS))
        token = _current.set(self)
        try:
            return session.request(method, url, stream=True, timeout=timeouts, allow_redirects=False, **options)
        finally:
            _current.reset(token)


_current: ContextVar[Attempt] = ContextVar("attempt")
"""What the connections of this thread work for."""


def _without_path(record: logging.LogRecord) -> bool:
    """Keep the paths of this client's calls out of urllib3's own log: some are permissions. The client logs what may be shown."""
    if _current.get(None) is not None and isinstance(record.args, tuple):
        record.args = tuple("(path)" if isinstance(arg, str) and arg.startswith("/") else arg for arg in record.args)
    return True


logging.getLogger("urllib3.connectionpool").addFilter(_without_path)


class _Reader(io.RawIOBase):
    """What comes from a socket until the deadline."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, deadline: Deadline) -> None:
        self._sock, self._raw, self._deadline = sock, raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.within(READ_SECONDS))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach(), _current.get().deadline))


class _Connection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        super().connect()
        # What a proxy was told so far was no part of the call.
        _current.get().sent = False

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        attempt, view = _current.get(), memoryview(data)
        attempt.sent = True
        # In pieces, each with a timeout of its own: a large body over a slow line takes longer than any silence should.
        for start in range(0, len(view), PIECE_SIZE):
            self.sock.settimeout(attempt.deadline.within(READ_SECONDS))
            super().send(view[start : start + PIECE_SIZE])


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        manager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        return manager

    def close(self) -> None:
        """Close the connections now; urllib3 leaves it to the garbage collector, which may find them in a traceback much later."""
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in list(manager.pools.keys()):
                manager.pools[key].close()
        super().close()


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere. Asked not to follow, `requests` would still parse the target and read the whole body."""


def new_session(settings: dict[str, Any]) -> requests.Session:
    """A session without cookies, redirects, repeats or anything from ``~/.netrc``."""
    session = _Session()
    session.proxies, session.verify = settings["proxies"], settings["verify"]
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    for prefix in ("http://", "https://"):
        session.mount(prefix, _Adapter(pool_connections=1, pool_maxsize=1, max_retries=0))
    session.headers["User-Agent"] = "e3db-connectors"
    return session


def environment_settings(url: str) -> dict[str, Any]:
    """Proxies and certificates for *url* as the environment names them."""
    with requests.Session() as session:
        return dict(session.merge_environment_settings(url, {}, None, None, None))


class SessionPool:
    """Sessions with one connection each, lent to one thread at a time: `requests` does not promise that threads can share one.

    No lock is held while a session is in use, so nothing that a thread holds is missed in the child of a fork.
    """

    def __init__(self, url: str) -> None:
        """Look into the environment, once and not at every call; nothing is opened yet."""
        self._settings = environment_settings(url)
        self.after_fork()
        forks.renew_in_child(self)

    def after_fork(self) -> None:
        """Leave the parent's connections to it."""
        self._idle: deque[requests.Session] = deque()
        self._slots = BoundedSemaphore(POOL_SIZE)

    @contextmanager
    def lend(self, deadline: Deadline) -> Iterator[requests.Session]:
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
                session = new_session(self._settings)
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
