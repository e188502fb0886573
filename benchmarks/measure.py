"""Measuring ways side by side on a machine that does other things, too."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def alternating(ways: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.process_time) -> dict[str, float]:
    """Seconds of each way, of the processor unless told: the median of several rounds, in each of which every way has its turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            began = clock()
            way()
            times[name].append(clock() - began)
    return {name: median(seconds) for name, seconds in times.items()}


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    print(f"\n{title}")  # noqa: T201 - a program with a voice
    for row in (head, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())  # noqa: T201 - see above
