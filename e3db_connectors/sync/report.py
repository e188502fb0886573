"""What a run has done, as numbers: names, counts and states, never a value."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.policy.counts import ColumnCounts, FieldCounts
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable

    from e3db_connectors.client import Client

COUNTED: Final = ("rows", "windows", "rereads", "ghosts", "deletes")
"""What a run itself counts."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run.

    Args:
        record_type: What was read or written.
        started: When it began, by this machine's clock.
        seconds: How long it took.
        rows: Rows given out or written.
        rows_per_second: Their number through *seconds*.
        windows: Windows read to their end.
        rereads: Times that a window was read again, because its pages did not fit together.
        ghosts: Records that the index still counts and does not return.
        deletes: Records found deleted.
        requests: See `client.traffic.Traffic`, as are the next four. Of the client, so of all that it did meanwhile.
        errors: How often each class of error was met and gone past.
        fields: All fields, by what was done with them.
        columns: The same by column.
        state_before: Where the run began, as it was handed in.
        state_after: Where the next one begins.
    """

    record_type: str
    started: str
    seconds: float
    rows: int
    rows_per_second: float
    windows: int
    rereads: int
    ghosts: int
    deletes: int
    requests: int
    retries: int
    throttled_seconds: float
    bytes_sent: int
    bytes_received: int
    errors: dict[str, int]
    fields: ColumnCounts
    columns: dict[str, ColumnCounts]
    state_before: Any
    state_after: Any

    def to_json(self) -> str:
        """As JSON, for people to read, too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode() + "\n"


class Run:
    """Counts while a run goes on; several threads may count at a time.

    Args:
        client: Whose calls it makes.
        record_type: What it reads or writes.
        state: Where it begins.
        fields: Where the fields of its rows are counted.
        clock: A steady clock, in seconds.
    """

    def __init__(
        self,
        client: Client,
        record_type: str,
        *,
        state: Any = None,
        fields: FieldCounts | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now."""
        self._client, self._record_type, self._clock = client, record_type, clock
        self.fields = fields or FieldCounts()
        self._state_before = _copied(state)
        self._counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
        self._errors: Counter[str] = Counter()
        self._lock = Lock()
        self._traffic_before = client.traffic()
        self._started, self._began = datetime.now(UTC), clock()

    def count(self, **amounts: int) -> None:
        """Add to some of `COUNTED`: ``run.count(rows=1000, windows=1)``."""
        unknown = amounts.keys() - set(COUNTED)
        if unknown:
            raise TypeError(f"a run does not count {', '.join(sorted(unknown))}")
        with self._lock:
            self._counts.update(amounts)

    def error(self, exc: BaseException) -> None:
        """Count an error that the run goes past, by its class."""
        with self._lock:
            self._errors[type(exc).__name__] += 1

    def report(self, state: Any = None) -> Report:
        """What has been done until now, and where the next run begins."""
        seconds = self._clock() - self._began
        spent = self._client.traffic() - self._traffic_before
        with self._lock:
            counts, errors = dict(self._counts), dict(sorted(self._errors.items()))
        return Report(
            record_type=self._record_type,
            started=times.render(self._started),
            seconds=round(seconds, 3),
            rows_per_second=round(counts["rows"] / seconds, 1) if seconds > 0 else 0.0,
            **counts,
            **msgspec.structs.asdict(msgspec.structs.replace(spent, throttled_seconds=round(spent.throttled_seconds, 3))),
            errors=errors,
            fields=self.fields.total(),
            columns=self.fields.columns(),
            state_before=self._state_before,
            state_after=_copied(state),
        )


def _copied(state: Any) -> Any:
    """The state as it is now: who runs may go on to change it."""
    return msgspec.json.decode(msgspec.json.encode(state))
