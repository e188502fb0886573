"""What waits in the triggerer: what of it is stored, and that it keeps nobody waiting."""

import asyncio
import itertools
import json
import time
from importlib import import_module

import pytest

from e3db_connectors import errors
from e3db_connectors.airflow.triggers.record import E3DBRecordTrigger


def restored(trigger):
    """As another triggerer makes it from the database."""
    path, arguments = trigger.serialize()
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))


def a_trigger(**options):
    return restored(E3DBRecordTrigger(e3db_conn_id="e3db_default", record_type="t", poke_interval=0.05, **options))


async def fire(trigger):
    [event] = [event async for event in trigger.run()]
    return event.payload


def test_what_is_stored_is_a_name_and_what_to_look_for(connected):
    _, arguments = a_trigger(plain={"shop": "north"}, since="2026-03-04", min_records=2).serialize()
    assert arguments == {
        "e3db_conn_id": "e3db_default",
        "record_type": "t",
        "plain": {"shop": "north"},
        "writers": None,
        "all_writers": False,
        "since": "2026-03-04",
        "until": None,
        "min_records": 2,
        "poke_interval": 0.05,
        "exponential_backoff": False,
        "max_wait": None,
    }
    assert connected.config.api_secret.reveal() not in repr(vars(a_trigger()))


def test_it_fires_once_there_are_enough(connected):
    async def main():
        waiting = asyncio.create_task(fire(a_trigger(min_records=2, plain={"shop": "north"})))
        for shop in ("north", "south", "north"):
            await asyncio.sleep(0.2)
            assert not waiting.done()
            await asyncio.to_thread(connected.write, "t", {"n": "1"}, {"shop": shop})
        return await asyncio.wait_for(waiting, 60)

    assert asyncio.run(main()) == {"status": "found"}


def test_pauses_grow_if_they_are_to(monkeypatch, connected):
    looks, pauses = iter([False] * 6 + [True]), []

    async def sleep(seconds):
        pauses.append(seconds)

    monkeypatch.setattr("e3db_connectors.airflow.triggers.record.is_there", lambda *_: next(looks))
    monkeypatch.setattr("e3db_connectors.airflow.triggers.record.asyncio.sleep", sleep)
    trigger = E3DBRecordTrigger(e3db_conn_id="e3db_default", record_type="t", poke_interval=4, exponential_backoff=True, max_wait=40)
    assert asyncio.run(fire(restored(trigger))) == {"status": "found"}
    for pause, least in zip(pauses, [2, 4, 8, 16, 32, 64], strict=True):
        assert min(least, 40) <= pause <= min(2 * least, 40)
    assert connected


def test_a_slow_server_does_not_hold_up_the_loop(connected, monkeypatch):
    ticks, seen = itertools.count(), []

    def slow(*_):
        before = next(ticks)
        time.sleep(1)
        seen.append(next(ticks) - before)
        return True

    async def tick():
        while True:
            next(ticks)
            await asyncio.sleep(0.01)

    async def main():
        ticking = asyncio.create_task(tick())
        await fire(a_trigger())
        ticking.cancel()

    monkeypatch.setattr("e3db_connectors.airflow.triggers.record.is_there", slow)
    asyncio.run(main())
    assert connected
    assert seen[0] > 2  # between the two of the look itself the loop has gone on


def test_many_restarts(connected):
    """Stopped anywhere and made anew from the database, it still fires when it should."""

    async def main():
        for number in range(50):
            waiting = asyncio.create_task(fire(a_trigger()))
            await asyncio.sleep(number / 1000)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        connected.write("t", {"n": "1"})
        return [await fire(a_trigger()) for _ in range(2)]

    assert asyncio.run(main()) == [{"status": "found"}] * 2


def test_it_goes_on_when_the_server_is_busy_and_tells_what_is_final(connected, monkeypatch):
    replies = iter(
        [errors.Unavailable("POST", "/v2/search", 503), errors.TransportError("broken off"), errors.Forbidden("POST", "/v2/search", 403)]
    )

    def search(*_):
        raise next(replies)

    monkeypatch.setattr("e3db_connectors.client.Client.search", search)
    assert asyncio.run(fire(a_trigger())) == {"status": "error", "message": "Forbidden: POST /v2/search: HTTP 403", "final": True}
    assert connected


@pytest.mark.parametrize(
    ("options", "words"), [({"since": "yesterday"}, "no time"), ({"since": "2026-03-04", "until": "2026-03-04"}, "must be before")]
)
@pytest.mark.usefixtures("connected")
def test_what_cannot_be_meant_is_final(options, words):
    event = asyncio.run(fire(a_trigger(**options)))
    assert (event["status"], event["final"]) == ("error", True)
    assert words in event["message"]


def test_a_connection_that_is_not_there_and_a_foreign_error(monkeypatch, connected):
    def search(*_):
        raise ValueError(connected.config.api_secret.reveal())

    monkeypatch.setattr("e3db_connectors.client.Client.search", search)
    assert asyncio.run(fire(a_trigger())) == {"status": "error", "message": "ValueError", "final": False}
    monkeypatch.delenv("AIRFLOW_CONN_E3DB_DEFAULT")
    event = asyncio.run(fire(a_trigger()))
    assert (event["status"], event["final"]) == ("error", False)
    assert "e3db_default" in event["message"]
