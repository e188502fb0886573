"""Windows for a backfill, to be read at the same time."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.operators.base import E3DBOperator
from e3db_connectors.airflow.transfers.windows import window_of
from e3db_connectors.errors import UsageError
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.sdk import Context


class E3DBPlanWindowsOperator(E3DBOperator):
    """Split a range of time into shards of equal length, for a mapped transfer: ``transfer.expand_kwargs(plan.output)``.

    A shard is read in windows that adapt to how much there is in it, so shards need not hold equally many records.

    :param since: The begin. (templated)
    :param until: The end; by default the server's present when the task runs. (templated)
    :param shards: How many; fewer, if they would be shorter than a second. (templated)
    :param e3db_conn_id: The connection whose server says what the present is. (templated)
    """

    template_fields: Sequence[str] = ("since", "until", "shards", "e3db_conn_id")

    def __init__(self, *, since: datetime | str, until: datetime | str | None = None, shards: int | str = 8, **kwargs: Any) -> None:
        """Keep what to split."""
        super().__init__(**kwargs)
        self.since = since
        self.until = until
        self.shards = shards

    def execute(self, context: Context) -> list[dict[str, str]]:  # noqa: ARG002 - Airflow's
        """Split.

        Returns:
            ``since`` and ``until`` of each shard; they meet, and none overlaps another.
        """
        with self.open_hook() as hook:
            window = window_of(self.since, self.until)
            if window.since is None:
                raise UsageError("since is empty: a range needs a begin")
            until = window.until or hook.get_conn().server_time()
            bounds = split(window.since, until, _count_of(self.shards))
        self.log.info("%d shards from %s to %s", len(bounds) - 1, window.since, until)
        texts = [times.render(bound) for bound in bounds]
        return [{"since": begin, "until": end} for begin, end in pairwise(texts)]


def split(since: datetime, until: datetime, shards: int) -> list[datetime]:
    """The bounds of shards of equal length, in whole milliseconds, the first and the last as they are.

    Raises:
        UsageError: The range is empty, or there is to be no shard.
    """
    if since >= until:
        raise UsageError(f"since ({times.render(since)}) lies in the server's future")
    if shards < 1:
        raise UsageError("shards must be 1 or more")
    seconds = (until - since) / timedelta(seconds=1)
    count = max(1, min(shards, int(seconds)))
    between = [times.floor_millisecond(since + (until - since) * number / count) for number in range(1, count)]
    return [since, *between, until]


def _count_of(shards: int | str) -> int:
    try:
        return int(shards)
    except (ValueError, TypeError):
        raise UsageError("shards must be a number") from None
