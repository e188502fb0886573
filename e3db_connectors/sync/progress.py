"""Showing how far a run has come: not at all, by lines in the log, or by a bar (which needs `rich`)."""

from __future__ import annotations

import logging
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

LOG_SECONDS: Final = 10.0
"""How often the log tells."""

_log = logging.getLogger(__name__)


class Progress(Protocol):
    """Is told by one thread how far a run has come."""

    def start(self, what: str, total: int | None = None) -> None:
        """A run begins.

        Args:
            what: What moves, such as a record type.
            total: How many records there will be, if that is known.
        """
        ...

    def advance(self, records: int) -> None:
        """So many more are done."""
        ...

    def finish(self) -> None:
        """The run is over, well or not."""
        ...


class NoProgress:
    """Shows nothing."""

    def start(self, what: str, total: int | None = None) -> None:
        """Nothing."""

    def advance(self, records: int) -> None:
        """Nothing."""

    def finish(self) -> None:
        """Nothing."""


class LogProgress:
    """Writes a line every now and then.

    Args:
        seconds: How often; a line comes only when something has moved.
        clock: A steady clock, in seconds.
    """

    def __init__(self, seconds: float = LOG_SECONDS, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing has begun."""
        self._seconds, self._clock = seconds, clock
        self._what, self._done = "", 0
        self._total: int | None = None
        self._began = self._told = 0.0

    def start(self, what: str, total: int | None = None) -> None:
        """Begin to count."""
        self._what, self._total, self._done = what, total, 0
        self._began = self._told = self._clock()

    def advance(self, records: int) -> None:
        """Tell, if it is time to."""
        self._done += records
        now = self._clock()
        if now - self._told >= self._seconds:
            self._told = now
            self._tell(now - self._began)

    def finish(self) -> None:
        """Tell how it ended."""
        self._tell(self._clock() - self._began)

    def _tell(self, seconds: float) -> None:
        rate = self._done / seconds if seconds > 0 else 0.0
        of_total = f" of {self._total:,}" if self._total is not None else ""
        left = f", {_duration((self._total - self._done) / rate)} left" if self._total and rate and self._total > self._done else ""
        _log.info("%s: %s%s records, %s records/s%s", self._what, f"{self._done:,}", of_total, f"{rate:,.0f}", left)


class BarProgress:
    """A bar on standard error, with records, records a second and, when a total is known, the time left.

    Raises:
        UsageError: `rich` is not installed.
    """

    def __init__(self) -> None:
        """Find `rich`."""
        try:
            self._rich: Any = import_module("rich.progress")
            console = import_module("rich.console").Console(stderr=True)
        except ImportError:
            raise UsageError("a progress bar needs rich: pip install 'e3db-connectors[export]', or let the log tell") from None
        self._bar = self._rich.Progress(*self._columns(), console=console, transient=False)
        self._task: Any = None
        self._done, self._began = 0, 0.0

    def start(self, what: str, total: int | None = None) -> None:
        """Show the bar."""
        self._done, self._began = 0, time.monotonic()
        self._task = self._bar.add_task(import_module("rich.markup").escape(what), total=total, rate="")
        self._bar.start()

    def advance(self, records: int) -> None:
        """Move it."""
        self._done += records
        seconds = time.monotonic() - self._began
        self._bar.update(self._task, completed=self._done, rate=f"{self._done / seconds:,.0f} records/s" if seconds > 0 else "")

    def finish(self) -> None:
        """Leave it as it is."""
        self._bar.stop()

    def _columns(self) -> list[Any]:
        rich = self._rich
        columns = [
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.MofNCompleteColumn(),
            rich.TextColumn("{task.fields[rate]}"),
        ]
        return [*columns, rich.TimeElapsedColumn(), rich.TimeRemainingColumn()]


KINDS: Final[dict[str, Callable[[], Progress]]] = {"none": NoProgress, "log": LogProgress, "bar": BarProgress}


def progress_named(name: str) -> Progress:
    """The progress of a name: ``none``, ``log`` or ``bar``.

    Raises:
        UsageError: There is none of this name, or `rich` is missing.
    """
    try:
        return KINDS[name]()
    except KeyError:
        raise UsageError(f"progress must be one of {', '.join(KINDS)}") from None


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
