"""HTTP: calls with a time limit, repeated where that is harmless, and the streams of large files (design section 4.10)."""

from __future__ import annotations

import ssl
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import requests
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as HTTPTimeout

from e3db_connectors.client.addresses import insecure_http_allowed, require_file_url, require_secure
from e3db_connectors.client.clock import DatedAuth, ServerClock, date_of
from e3db_connectors.client.connections import Attempt, Deadline
from e3db_connectors.client.replies import HEADERS, raw_pieces, read_body, reason
from e3db_connectors.client.retries import BUDGET_SECONDS, Busy, repeated, retry_after
from e3db_connectors.client.sessions import SessionPool
from e3db_connectors.client.traffic import TrafficMeter
from e3db_connectors.errors import (
    OutcomeUnknown,
    ResponseInvalid,
    TransportError,
    Unauthorized,
    Unavailable,
    UsageError,
    from_status,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from datetime import datetime

    from requests.auth import AuthBase

    from e3db_connectors.client.sessions import Response

TRANSFER_SECONDS: Final = 24 * 3600.0
"""The longest that the body of a file travels; what ends a stalled one is `connections.READ_SECONDS`."""

FILE_URL: Final = "(file url)"
"""What errors show instead of a file's URL, which is the permission to use it."""

_OK: Final = 200
_REDIRECT: Final = 300
_ERROR: Final = 400
_BUSY: Final = 429
_BROKEN: Final = 500
_OVERLOADED: Final = 503


@dataclass(frozen=True)
class Call:
    """One operation on the server.

    Args:
        method: HTTP method.
        path: Percent-encoded path.
        body: JSON or form bytes; they never show in `repr`.
        repeatable: Whether doing it twice is the same as once. An unanswered call that is not raises `OutcomeUnknown`.
        shown_path: What errors and logs show instead of a path that holds a secret.
    """

    method: str
    path: str = field(repr=False)
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = True
    content_type: str = "application/json"
    shown_path: str = ""

    @property
    def shown(self) -> str:
        """Method and path, as errors and logs may show them."""
        return f"{self.method} {self.shown_path or self.path}"


@dataclass(frozen=True)
class Reply:
    """What came back, with success.

    Args:
        date: The server's clock when it answered, whole seconds.
    """

    status: int
    body: bytes = field(repr=False)
    date: datetime | None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Transport:
    """Sends calls to one server; several threads may share one, and so may the children of a fork.

    Args:
        api_url: Where it is.
        allow_insecure_http: Let clear text HTTP go beyond this machine; by default only if ``E3DB_ALLOW_INSECURE_HTTP=1``.

    Raises:
        ConfigError: It is clear text HTTP to another machine: bearer tokens and metadata could be read on the way.
    """

    def __init__(self, api_url: str, *, allow_insecure_http: bool | None = None) -> None:
        """Prepare the connections; nothing is sent yet."""
        self._url = api_url.rstrip("/")
        if not (insecure_http_allowed() if allow_insecure_http is None else allow_insecure_http):
            require_secure(self._url)
        self._sessions = SessionPool(self._url)
        self._clock = ServerClock()
        self.traffic = TrafficMeter()

    @property
    def clock_offset(self) -> float | None:
        """Seconds by which the server's clock is ahead of this machine's; None before the first reply."""
        return self._clock.offset

    def close(self) -> None:
        """Close all connections."""
        self._sessions.close()

    def deadline(self) -> Deadline:
        """By when an operation that begins now has to be over."""
        return Deadline(BUDGET_SECONDS)

    def send(self, call: Call, auth: AuthBase, deadline: Deadline | None = None) -> Reply:
        """Send *call*, again if that is harmless, until it succeeds or the time budget is spent.

        Args:
            call: What to do.
            auth: Credentials.
            deadline: Of the operation that this call is a part of; without it the call has a budget of its own.

        Raises:
            APIError: The server refused.
            TransportError: No reply; `OutcomeUnknown` if the call may have taken effect.
            ResponseInvalid: The reply is a redirect, too large or no HTTP.
        """
        until, correction = deadline or self.deadline(), self._clock.correction

        def attempt() -> Reply:
            return self._send_once(call, auth, until)

        try:
            return repeated(attempt, until, repeatable=call.repeatable, waits=self.traffic.waits)
        except Unauthorized:
            if not isinstance(auth, DatedAuth) or self._clock.correction == correction:
                raise
        # The signature stated a wrong time, and the refusal told the right one.
        return repeated(attempt, until, repeatable=call.repeatable, waits=self.traffic.waits)

    def upload(self, url: str, pieces: Iterable[bytes], size: int, headers: Mapping[str, str]) -> None:
        """Send the body of a file to where the server wants it, once and without credentials.

        Raises:
            APIError: It was refused.
            TransportError: It did not get through.
            ResponseInvalid: The URL is not safe, or the reply no success.
            UsageError: The pieces make another size.
            OSError: The pieces could not be read.
        """
        require_file_url(url, self._url)
        deadline, body = Deadline(TRANSFER_SECONDS), _Sized(pieces, size)
        with (
            _file_errors("upload", body),
            self._sessions.lend(deadline) as session,
            closing(
                Attempt(deadline).request(session, "PUT", url, data=body, headers={**HEADERS, **headers, "Content-Length": str(size)})
            ) as response,
        ):
            _require_ok("PUT", response)

    def download(self, url: str) -> Generator[bytes]:
        """Receive the body of a file, as it is, from where the server keeps it; without credentials.

        Raises:
            APIError: It was refused.
            TransportError: It did not come through.
            ResponseInvalid: The URL is not safe, or the reply no success.
        """
        require_file_url(url, self._url)
        deadline = Deadline(TRANSFER_SECONDS)
        headers = {"Accept-Encoding": "identity"}
        with (
            _file_errors("download"),
            self._sessions.lend(deadline) as session,
            closing(Attempt(deadline).request(session, "GET", url, headers=headers)) as response,
        ):
            _require_ok("GET", response)
            yield from raw_pieces(response)

    def _send_once(self, call: Call, auth: AuthBase, deadline: Deadline) -> Reply:
        headers = {**HEADERS, "Content-Type": call.content_type} if call.body is not None else HEADERS
        credentials = auth.at(self._clock.now) if isinstance(auth, DatedAuth) else auth
        attempt, started = Attempt(deadline), time.time()
        self.traffic.sent(len(call.body or b""))
        try:
            with (
                self._sessions.lend(deadline) as session,
                closing(
                    attempt.request(session, call.method, self._url + call.path, data=call.body, headers=headers, auth=credentials)
                ) as response,
            ):
                self._clock.learn(response.headers, started)
                try:
                    return _judged(call, response)
                finally:
                    self.traffic.received(response.raw.tell())
        except (requests.RequestException, HTTPError, TimeoutError) as exc:
            raise self._no_reply(call, exc, sent=attempt.sent) from None

    def _no_reply(self, call: Call, exc: Exception, *, sent: bool) -> TransportError:
        timed_out = isinstance(exc, (HTTPTimeout, requests.Timeout, TimeoutError))
        if refusal := _tls_refusal(exc):
            return TransportError(f"no secure connection to {self._url}: {refusal}")
        if not sent:
            return TransportError(f"cannot reach {self._url}; is the server running and the address right?")
        words = f"{call.shown}: {'timed out' if timed_out else 'connection broken off'}"
        if call.repeatable:
            return TransportError(words)
        return OutcomeUnknown(f"{words} before the answer; it may have been done or not")


class _Sized:
    """Pieces that have a certain size in all."""

    def __init__(self, pieces: Iterable[bytes], size: int) -> None:
        self._pieces, self._size = pieces, size
        self.failure: OSError | None = None

    def __iter__(self) -> Iterator[bytes]:
        left = self._size
        try:
            for piece in self._pieces:
                left -= len(piece)
                if left >= 0:
                    yield piece
        except OSError as exc:
            # On its way through urllib3 it would turn into a broken connection.
            self.failure = exc
            raise
        if left != 0:
            raise UsageError(f"the body of the file has {self._size - left} bytes instead of {self._size}")


def _judged(call: Call, response: Response) -> Reply:
    """The reply, if it is a success."""
    status = response.status_code
    if _OK <= status < _REDIRECT:
        return Reply(status, read_body(response, call.shown), date_of(response.headers), response.headers)
    if status < _ERROR:
        raise ResponseInvalid(f"{call.shown}: the server answered with a redirect; check api_url")
    # Only these two say that nothing has been done: a gateway may put the header on a failure of what it has passed on.
    says_when = "Retry-After" in response.headers and status in {_BUSY, _OVERLOADED}
    if status >= _BROKEN and not call.repeatable and not says_when:
        # A gateway's error says nothing of what happened behind it.
        raise OutcomeUnknown(f"{call.shown}: HTTP {status}; it may have been done or not")
    error = from_status(call.method, call.shown_path or call.path, status, reason(response))
    if isinstance(error, Unavailable) and (says_when or status == _BUSY):
        raise Busy(error, retry_after(response.headers))
    raise error


def _require_ok(method: str, response: Response) -> None:
    if response.status_code >= _ERROR:
        raise from_status(method, FILE_URL, response.status_code, reason(response))
    if response.status_code != _OK:
        raise ResponseInvalid(f"{method} {FILE_URL}: HTTP {response.status_code}")


@contextmanager
def _file_errors(what: str, body: _Sized | None = None) -> Iterator[None]:
    try:
        yield
    except (requests.RequestException, HTTPError, TimeoutError):
        if body and body.failure:
            raise body.failure from None
        raise TransportError(f"the {what} of a file broke off or took too long; nothing has become visible") from None


def _tls_refusal(exc: BaseException) -> str:
    """Why the server's certificate was refused, in the words of OpenSSL; empty if it was not."""
    cause: BaseException | None = exc
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause.verify_message if cause else ""
