"""Errors as Airflow takes them: what another try cannot mend fails the task at once, everything else is retried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.errors import E3DBError, Forbidden, IntegrityError, InvalidRequest, Unauthorized, UsageError, WindowExceeded

if TYPE_CHECKING:
    from typing import TypeGuard

FINAL: Final = (Unauthorized, Forbidden, InvalidRequest, UsageError, IntegrityError, WindowExceeded)
"""Refused credentials and rights, what was passed, and what is not as its writer sealed it."""


def is_final(exc: BaseException | None) -> TypeGuard[E3DBError]:
    """Whether another try would fail, too."""
    return isinstance(exc, FINAL)


def failure(exc: E3DBError) -> AirflowFailException:
    """What ends a task without another try; the texts of our errors hold neither secrets nor values."""
    return AirflowFailException(f"{type(exc).__name__}: {exc}")
