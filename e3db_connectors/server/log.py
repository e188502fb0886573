"""The server's log on stderr: lines of one turn of the event loop are written at once.

Each write lets other threads take the interpreter, and the event loop has to wait until it gets it back: with a write for each answer,
a tenth of the time of small requests went there.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from functools import lru_cache
from typing import TextIO


def to_stderr() -> None:
    """Log there, from INFO on."""
    stream = open(sys.stderr.fileno(), "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115 - as long as the process
    handler = TurnHandler(stream)
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # What no line shows need not be found out ("Optimization" in Python's Logging HOWTO).
    logging._srcfile = None  # noqa: SLF001 - the HOWTO says so
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class _Formatter(logging.Formatter):
    """Puts the date and time of a second together once."""

    def formatTime(self, record: logging.LogRecord, _datefmt: str | None = None) -> str:  # noqa: N802 - the base's name
        return f"{_second(int(record.created))},{int(record.msecs):03d}"


@lru_cache(2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


class TurnHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream that has a buffer; at the end of a turn of the event loop, elsewhere at once."""

    _is_due = False

    def flush(self) -> None:
        """Write now, or when the turn of the event loop ends that this is called in."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # another thread, or no loop any more
            super().flush()
            return
        if not self._is_due:
            self._is_due = True
            loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        self._is_due = False
        super().flush()
