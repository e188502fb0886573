"""Connections that keep to a deadline, whatever the server does.

The timeouts of urllib3 count from one received byte to the next, so a server that sends a byte now and then holds its caller
for ever. Here the connection itself knows by when its call has to be over.
"""

from __future__ import annotations

import http.client
import io
import logging
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    import socket

    from urllib3 import PoolManager

    from e3db_connectors.client.sessions import Response, Session

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

    def request(self, session: Session, method: str, url: str, **options: Any) -> Response:
        """Send a request and wait for the head of its reply; the body is read later, under the same deadline.

        Raises:
            TimeoutError: No time was left to begin with.
            requests.RequestException: The URL leads nowhere.
            urllib3.exceptions.HTTPError: No reply.
        """
        timeouts = (self.deadline.within(CONNECT_SECONDS), self.deadline.within(READ_SECONDS))
        token = _current.set(self)
        try:
            return session.request(method, url, timeout=timeouts, **options)
        finally:
            _current.reset(token)


_current: ContextVar[Attempt] = ContextVar("attempt")
"""What the connections of this thread work for."""


_PATHS: Final = ("/", "http://", "https://")
"""What paths begin with; through a proxy they are whole URLs."""


def _without_path(record: logging.LogRecord) -> bool:
    """Keep the paths of this client's calls out of urllib3's own log: some are permissions. The client logs what may be shown."""
    if _current.get(None) is not None and isinstance(record.args, tuple):
        record.args = tuple("(path)" if isinstance(arg, str) and arg.startswith(_PATHS) else arg for arg in record.args)
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
    _waits, _head = False, b""

    def request(self, method: str, url: str, body: Any = None, *args: Any, **options: Any) -> None:
        # A head waits for its body and goes out with it: a packet less, and the server is woken up once.
        self._waits, self._head = isinstance(body, bytes) and 0 < len(body) <= PIECE_SIZE, b""
        super().request(method, url, body, *args, **options)

    def connect(self) -> None:
        try:
            super().connect()
        finally:
            # What a proxy was told so far was no part of the call.
            _current.get().sent = False

    def send(self, data: Any) -> None:
        if self._waits:
            self._waits, self._head = False, data
            return
        head, self._head = self._head, b""
        if self.sock is None:
            self.connect()
        attempt, view = _current.get(), memoryview(head + data if head else data)
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


def use_our_connections(manager: PoolManager) -> None:
    """Have a manager of urllib3 open connections that keep to the deadline."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
