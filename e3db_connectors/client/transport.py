"""HTTP: one pooled session, timeouts, and repeats where repeating is harmless (design section 4.10)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec
import requests
import tenacity
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError

from e3db_connectors.errors import E3DBError, OutcomeUnknown, ResponseInvalid, TransportError, Unavailable, from_status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests.auth import AuthBase

_log = logging.getLogger(__name__)

POOL_SIZE: Final = 32
CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 60.0
MAX_ATTEMPTS: Final = 5
BUDGET_SECONDS: Final = 120.0
RETRY_AFTER_MAX: Final = 30.0
REASON_MAX: Final = 200
HTTP_OK: Final = 200
HTTP_REDIRECT: Final = 300
HTTP_ERROR: Final = 400
HTTP_BROKEN: Final = 500


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


class _Busy(E3DBError):
    """The server asked to come back in *seconds*; wraps the error to raise if there is no time left."""

    def __init__(self, error: Unavailable, seconds: float) -> None:
        super().__init__(str(error))
        self.error, self.seconds = error, seconds


class Transport:
    """Sends calls to one server; safe to use from several threads."""

    def __init__(self, api_url: str) -> None:
        """Prepare a session; nothing is sent yet."""
        self._url = api_url.rstrip("/")
        self._session = requests.Session()
        # Proxies and certificates as the environment names them, looked up once and not at every call; and nothing from ~/.netrc.
        found = self._session.merge_environment_settings(self._url, {}, None, None, None)
        self._session.proxies, self._session.verify = found["proxies"], found["verify"]
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_maxsize=POOL_SIZE, pool_block=True, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._session.headers["User-Agent"] = "e3db-connectors"

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def send(self, call: Call, auth: AuthBase) -> Reply:
        """Send *call*, again if that is harmless, until it succeeds or the time budget is spent.

        Raises:
            APIError: The server refused.
            TransportError: No reply; `OutcomeUnknown` if the call may have taken effect.
            ResponseInvalid: The reply is a redirect or no HTTP.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda exc: _may_repeat(exc, call)),
            wait=_wait,
            stop=tenacity.stop_after_attempt(MAX_ATTEMPTS) | tenacity.stop_after_delay(BUDGET_SECONDS),
            before_sleep=_log_repeat,
            reraise=True,
        )
        try:
            return retrying(self._send_once, call, auth)
        except _Busy as busy:
            raise busy.error from None

    def _send_once(self, call: Call, auth: AuthBase) -> Reply:
        try:
            response = self._session.request(
                call.method,
                self._url + call.path,
                data=call.body,
                headers={"Content-Type": call.content_type} if call.body is not None else None,
                auth=auth,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            self._raise_transport(call, exc)
        if HTTP_OK <= response.status_code < HTTP_REDIRECT:
            return Reply(response.status_code, response.content, _date(response), response.headers)
        if response.status_code < HTTP_ERROR:
            raise ResponseInvalid(f"{call.shown}: the server answered with a redirect; check api_url")
        if response.status_code >= HTTP_BROKEN and not call.repeatable and "Retry-After" not in response.headers:
            # A gateway's error says nothing of what happened behind it.
            raise OutcomeUnknown(f"{call.shown}: HTTP {response.status_code}; it may have been done or not")
        error = from_status(call.method, call.shown_path or call.path, response.status_code, _reason(response.content))
        if isinstance(error, Unavailable) and "Retry-After" in response.headers:
            raise _Busy(error, _retry_after(response.headers["Retry-After"]))
        raise error

    def _raise_transport(self, call: Call, exc: requests.RequestException) -> NoReturn:
        if _never_sent(exc):
            raise TransportError(f"cannot reach {self._url}; is the server running and the address right?") from None
        words = f"{call.shown}: {'timed out' if isinstance(exc, requests.Timeout) else 'connection broken off'}"
        if call.repeatable:
            raise TransportError(words) from None
        raise OutcomeUnknown(f"{words} before the answer; it may have been done or not") from None


def _never_sent(exc: requests.RequestException) -> bool:
    if isinstance(exc, requests.ConnectTimeout):
        return True
    cause = exc.args[0] if exc.args else None
    return isinstance(getattr(cause, "reason", cause), NewConnectionError)


def _may_repeat(exc: BaseException, call: Call) -> bool:
    if isinstance(exc, OutcomeUnknown):
        return False
    if isinstance(exc, (TransportError, _Busy)):
        return True
    return isinstance(exc, Unavailable) and call.repeatable


_backoff = tenacity.wait_random_exponential(multiplier=0.2, max=10)


def _wait(state: tenacity.RetryCallState) -> float:
    exc = state.outcome.exception() if state.outcome else None
    return exc.seconds if isinstance(exc, _Busy) else _backoff(state)


def _log_repeat(state: tenacity.RetryCallState) -> None:
    exc = state.outcome.exception() if state.outcome else None
    _log.info("%s; trying again (attempt %d of %d)", exc, state.attempt_number + 1, MAX_ATTEMPTS)


def _retry_after(header: str) -> float:
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            seconds = 1.0
    return min(max(seconds, 0.0), RETRY_AFTER_MAX) if seconds == seconds else 1.0  # noqa: PLR0124 - NaN


def _date(response: requests.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return None


class _ErrorBody(msgspec.Struct):
    error: str = ""


def _reason(body: bytes) -> str:
    try:
        words = msgspec.json.decode(body, type=_ErrorBody).error
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return "".join(char if char.isprintable() else " " for char in words[:REASON_MAX])
