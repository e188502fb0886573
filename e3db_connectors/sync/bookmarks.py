"""Where a run begins and ends (design sections 4.1 and 4.3).

A bookmark is the end of the last complete window, never the largest time seen: so records that share a time are neither
cut in the middle nor replayed for ever, and one that is dated in the future cannot poison it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from e3db_connectors.errors import InvalidTime, StateError
from e3db_connectors.sync.windows import Window
from e3db_connectors.wire import times

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cadence:
    """How far from the edge a run keeps, in seconds.

    Nothing is lost while the index's lag and the clocks' error together stay below the sum of the two.

    Args:
        lookback_seconds: How far behind the bookmark a run begins.
        settle_seconds: How far before the server's now it ends.
    """

    lookback_seconds: float = 300
    settle_seconds: float = 5


def parse_bookmark(value: Any) -> datetime | None:
    """Read a bookmark of a state.

    Raises:
        StateError: If it is no time.
    """
    if value is None:
        return None
    try:
        return times.parse(value)
    except (InvalidTime, TypeError, AttributeError):
        raise StateError(f"the state's bookmark {str(value)[:60]!r} is no time; mend the state, or begin anew without it") from None


def plan_run(bookmark: datetime | None, start_date: datetime | None, server_time: datetime, cadence: Cadence) -> Window | None:
    """The span that a run reads: from the bookmark, less the look-back, to the server's now, less the settling time.

    Returns:
        None if there is nothing to read.
    """
    upper = times.floor_millisecond(server_time - timedelta(seconds=cadence.settle_seconds))
    begin = times.floor_millisecond(start_date or times.EPOCH)
    if bookmark is not None:
        if bookmark > server_time:
            _log.warning("the bookmark %s lies in the server's future; nothing is read until then", times.render(bookmark))
            return None
        begin = max(begin, times.floor_millisecond(bookmark - timedelta(seconds=cadence.lookback_seconds)))
    return Window(begin, upper) if begin < upper else None
