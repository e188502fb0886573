"""What the demo says while it works and at its end."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201 - a program with a voice


@dataclass
class Step:
    """A line of the closing table."""

    name: str
    rows: int
    requests: int
    seconds: float

    def line(self) -> str:
        """Its cells."""
        speed = f"{self.rows / self.seconds:,.0f}" if self.rows else "-"
        return f"  {self.name:<42}{self.rows:>9,}{self.requests:>10,}{self.seconds:>9.1f}{speed:>9}"


def table(steps: list[Step]) -> None:
    """Print the closing table."""
    say(f"  {'step':<42}{'rows':>9}{'requests':>10}{'seconds':>9}{'rows/s':>9}")
    say("  " + "-" * 79)
    for step in steps:
        say(step.line())


_READ: Final = re.compile(r"(\d+) rows of (\d+) windows in (\d+) requests; (\d+) read again")
_FIELDS: Final = re.compile(r"(\d+) fields decrypted, (\d+) left sealed")


def tap_report(log: str) -> str:
    """What the tap's log says of its streams, added up."""
    rows, windows, requests, again = (sum(map(int, numbers)) for numbers in zip(*_READ.findall(log), strict=True))
    decrypted, sealed = (sum(map(int, numbers)) for numbers in zip(*_FIELDS.findall(log), strict=True))
    return (
        f"the tap's report: {rows:,} rows of {windows:,} windows in {requests:,} requests, {again:,} windows read again, "
        f"{decrypted:,} fields decrypted, {sealed:,} left sealed"
    )


class AccessLog:
    """The server's log, read as it grows: each of its lines is a request."""

    def __init__(self, path: Path) -> None:
        """Start at its beginning."""
        self._file = path.open(encoding="utf-8")
        self._rest = ""

    def requests(self) -> list[str]:
        """The requests since the last call, like ``POST /v1/storage/records 201 2.1 ms``."""
        lines = (self._rest + self._file.read()).split("\n")
        self._rest = lines.pop()
        return [line.split(" INFO ", 1)[1] for line in lines if " INFO " in line and line.endswith(" ms")]


class Progress:
    """A count that grows: in place on a terminal, else a line every few seconds."""

    def __init__(self, what: str, total: int) -> None:
        """Start at nothing."""
        self._what, self._total = what, total
        self._began = self._said = time.monotonic()

    def show(self, count: int, *, last: bool = False) -> None:
        """Show the count."""
        now = time.monotonic()
        terminal = sys.stdout.isatty()
        if not last and now - self._said < (0.2 if terminal else 5):
            return
        self._said = now
        speed = count / max(now - self._began, 0.001)
        text = f"  {count:>7,} of {self._total:,} {self._what}, {speed:,.0f}/s"
        print(f"\r{text}   " if terminal else text, end="\n" if last or not terminal else "", flush=True)  # noqa: T201 - see say
