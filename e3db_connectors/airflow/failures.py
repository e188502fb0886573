"""Errors as Airflow takes them: what another try cannot mend fails the task at once, everything else is retried."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from e3db_connectors.errors import (
    E3DBError,
    Forbidden,
    IntegrityError,
    InvalidRequest,
    PathTaken,
    Recovery,
    Unauthorized,
    UsageError,
    WindowExceeded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeGuard

FINAL: Final = (Unauthorized, Forbidden, InvalidRequest, UsageError, IntegrityError, WindowExceeded, PathTaken)
"""Refused credentials and rights, what was passed, what is not as its writer sealed it, and a place that is taken."""


def is_final(exc: BaseException | None) -> TypeGuard[E3DBError]:
    """Whether another try would fail, too."""
    return isinstance(exc, FINAL)


def is_passing(exc: E3DBError) -> bool:
    """Whether who waits may go on waiting: no network, or a server that is busy."""
    return exc.recovery is Recovery.RETRY


def failure(exc: E3DBError) -> AirflowFailException:
    """What ends a task without another try; the texts of our errors hold neither secrets nor values."""
    return AirflowFailException(text_of(exc))


@contextmanager
def finally_failing() -> Iterator[None]:
    """Fail a task at once with what another try cannot mend, where no hook is open that does."""
    try:
        yield
    except E3DBError as exc:
        if is_final(exc):
            raise failure(exc) from exc
        raise


def text_of(exc: Exception) -> str:
    """What may be shown of an error; of one that is not ours only the class is known to hold neither secrets nor values."""
    return f"{type(exc).__name__}: {exc}" if isinstance(exc, (E3DBError, AirflowException)) else type(exc).__name__
