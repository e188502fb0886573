"""Child processes of the demo; none outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS: Final = 10


class Failed(Exception):
    """A step did not do what it should; the text says what and where to look."""


@contextlib.contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a command, with all that it starts in a group of its own, which is ended on the way out."""
    process = subprocess.Popen(command, text=True, start_new_session=True, **options)  # noqa: S603 - commands of our own
    try:
        yield process
    finally:
        with _undisturbed():
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore further signals while processes are being ended: a second Ctrl-C would leave them behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def raise_on_signals() -> None:
    """Make SIGTERM and SIGHUP end the demo like Ctrl-C does: through all its clean-up."""

    def interrupt(number: int, _frame: Any) -> None:
        raise KeyboardInterrupt(number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
