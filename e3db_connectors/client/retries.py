"""When a call is repeated, and after what wait: decided by operation, never by HTTP verb (design section 4.10)."""

from __future__ import annotations

import logging
import random
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import tenacity

from e3db_connectors.client.clock import date_of, parse_date
from e3db_connectors.errors import E3DBError, OutcomeUnknown, TransportError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from e3db_connectors.client.connections import Deadline

    class Waits(Protocol):
        """Is told of each wait before it begins."""

        def __call__(self, seconds: float, *, busy: bool) -> None:
            """A call is going to be repeated after *seconds*; *busy*: because the server asked for that."""
            ...


T = TypeVar("T")

BUDGET_SECONDS: Final = 120.0
"""The longest that one operation takes, with all waits and repeats."""
MAX_ATTEMPTS: Final = 5
MAX_REFUSALS: Final = 12
"""Attempts while the server says that it is busy: it is there, and repeating is harmless."""
RETRY_AFTER_MAX: Final = 30.0
RETRY_AFTER_SPREAD: Final = 0.25
"""By how much of itself such a wait is stretched at random: a fleet must not come back in the same instant."""
_UNREADABLE_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)
_backoff = tenacity.wait_random_exponential(multiplier=0.2, max=10)


class Busy(E3DBError):
    """The server refused before it did anything, and can be asked again in *seconds*; wraps the error to raise if time is up."""

    def __init__(self, error: Unavailable, seconds: float) -> None:
        """Keep both."""
        super().__init__(str(error))
        self.error, self.seconds = error, seconds


def repeated(attempt: Callable[[], T], deadline: Deadline, *, repeatable: bool, waits: Waits) -> T:
    """Call *attempt* until it succeeds, fails for good, or no further wait would end before the deadline."""
    try:
        return attempt()
    except E3DBError as exc:
        failures = [exc]

    def again() -> T:
        if failures:
            raise failures.pop()
        return attempt()

    # Made only now, for it takes as long as sealing a record, and most calls succeed at once.
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda exc: _may_repeat(exc, repeatable=repeatable)),
        wait=_wait,
        stop=lambda state: _is_over(state, deadline),
        before_sleep=lambda state: _tell(state, waits),
        reraise=True,
    )
    try:
        return retrying(again)
    except Busy as busy:
        raise busy.error from None


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds to wait by ``Retry-After``, at most `RETRY_AFTER_MAX`; 0 without it."""
    text = headers.get("Retry-After", "0")
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, headers)
    if seconds != seconds:  # noqa: PLR0124 - NaN
        seconds = _UNREADABLE_SECONDS
    return min(max(seconds, 0.0), RETRY_AFTER_MAX)


def _seconds_until(text: str, headers: Mapping[str, str]) -> float:
    """Counted from the reply's own date, so that this machine's clock does not matter."""
    date, now = parse_date(text), date_of(headers)
    return _UNREADABLE_SECONDS if date is None or now is None else (date - now).total_seconds()


def _may_repeat(exc: BaseException, *, repeatable: bool) -> bool:
    if isinstance(exc, OutcomeUnknown):
        return False
    if isinstance(exc, (TransportError, Busy)):
        return True
    return isinstance(exc, Unavailable) and repeatable


def _wait(state: tenacity.RetryCallState) -> float:
    exc, wait = _failure(state), _backoff(state)
    if isinstance(exc, Busy):
        wait += exc.seconds * random.uniform(1, 1 + RETRY_AFTER_SPREAD)  # noqa: S311 - spreads load, guards nothing
    return wait


def _is_over(state: tenacity.RetryCallState, deadline: Deadline) -> bool:
    most = MAX_REFUSALS if isinstance(_failure(state), Busy) else MAX_ATTEMPTS
    return state.attempt_number >= most or state.upcoming_sleep >= deadline.left()


def _tell(state: tenacity.RetryCallState, waits: Waits) -> None:
    waits(state.upcoming_sleep, busy=isinstance(_failure(state), Busy))
    _log.info("%s; trying again (attempt %d)", _failure(state), state.attempt_number + 1)


def _failure(state: tenacity.RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
