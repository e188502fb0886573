"""Waiting for records in the triggerer."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import conf
from airflow.triggers.base import BaseTrigger, TriggerEvent

from e3db_connectors.airflow.failures import is_final, is_passing, text_of
from e3db_connectors.airflow.finding import RecordFilter, is_there
from e3db_connectors.airflow.hooks.e3db import E3DBHook
from e3db_connectors.errors import E3DBError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterator, Mapping

    from e3db_connectors.client import Client

FOUND: Final = "found"
ERROR: Final = "error"

_LEAST_BACKOFF: Final = 0.5
_LONGEST_BACKOFF: Final = 7 * 86_400.0
"""Seconds."""


class E3DBRecordTrigger(BaseTrigger):
    """Fires once there are records that fit; it only looks, so it may be stopped and started at any time, or run twice.

    Airflow keeps a trigger's arguments in clear in its database: they are a connection's name and what to look for, and `plain` is what
    the server sees anyway. The event says that there is something, not what.

    :param e3db_conn_id: The connection.
    :param record_type: Their type.
    :param plain: Members that are left clear, with their values; all have to fit.
    :param writers: Only what these clients have written.
    :param all_writers: Also what others share with the client.
    :param since: Last modified at or after this time.
    :param until: Last modified before this time.
    :param min_records: So many.
    :param poke_interval: Seconds between two looks.
    :param exponential_backoff: Wait about twice as long after each look.
    :param max_wait: Then, never longer than so many seconds.
    """

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        e3db_conn_id: str,
        record_type: str,
        plain: Mapping[str, str] | None = None,
        writers: str | Collection[str] | None = None,
        all_writers: bool = False,
        since: str | None = None,
        until: str | None = None,
        min_records: int = 1,
        poke_interval: float = 60,
        exponential_backoff: bool = False,
        max_wait: float | None = None,
    ) -> None:
        """Keep what to look for."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.e3db_conn_id = e3db_conn_id
        self.wanted = RecordFilter(record_type=record_type, plain=plain, writers=writers, all_writers=all_writers, since=since, until=until)
        self.min_records = min_records
        self.poke_interval = poke_interval
        self.exponential_backoff = exponential_backoff
        self.max_wait = max_wait

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What the database keeps."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {
            "e3db_conn_id": self.e3db_conn_id,
            **asdict(self.wanted),
            "min_records": self.min_records,
            "poke_interval": self.poke_interval,
            "exponential_backoff": self.exponential_backoff,
            "max_wait": self.max_wait,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until they are there; the client's calls block, and are made in threads."""
        hook = E3DBHook(self.e3db_conn_id)
        try:
            client = await hook.aget_conn()
            loop = asyncio.get_running_loop()
            pauses = self._pauses()
            while not await loop.run_in_executor(_threads(), self._look, client):  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(next(pauses))
            yield _event(status=FOUND)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the task has to hear of it
            yield _event(status=ERROR, message=text_of(exc), final=is_final(exc))
        finally:
            hook.close()

    def _pauses(self) -> Iterator[float]:
        """Seconds between the looks; a trigger that is started anew begins anew."""
        if not self.exponential_backoff:
            yield from repeat(self.poke_interval)
        least = max(self.poke_interval / 2, _LEAST_BACKOFF)
        while True:
            pause = random.uniform(least, 2 * least)  # noqa: S311 - so that not all look at once, as in Airflow's own waiting
            yield pause if self.max_wait is None else min(pause, self.max_wait)
            least = min(2 * least, _LONGEST_BACKOFF)

    def _look(self, client: Client) -> bool:
        try:
            return is_there(client, self.wanted, self.min_records)
        except E3DBError as exc:
            if not is_passing(exc):
                raise
            self.log.warning("cannot look for records of type %s for the moment: %s", self.wanted.record_type, exc)
            return False


def _event(**payload: Any) -> TriggerEvent:
    return TriggerEvent(payload)  # type: ignore[no-untyped-call]


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads of these triggers alone: a server that does not answer keeps no other trigger waiting."""
    return ThreadPoolExecutor(conf.getint("e3db", "trigger_threads", fallback=16), "e3db-trigger")
