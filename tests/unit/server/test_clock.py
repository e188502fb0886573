"""The server's clock under a machine's clock that jumps, and a server that is killed and started again."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.server import clock as clock_module
from e3db_connectors.server.clock import STEP, LocalClock

INSTANTS = st.integers(0, 40_000_000)
ACTS = st.sampled_from(["stamp", "stamp in vain", "tell", "reserve", "kill"])


class Store:
    """Keeps the bound, as the database does: what a transaction reserves counts when that is committed."""

    def __init__(self, bound, stamp=0):
        self.bound, self.clock = bound, LocalClock()
        self.clock.go_on(stamp, bound)

    def stamp(self, *, commits):
        reserved = []
        stamp = self.clock.stamp(reserved)
        if commits:
            self.bound = max([self.bound, *reserved])
        self.clock.settle()
        return stamp

    def reserve(self):
        wanted, _ = self.clock.wanted()
        if wanted:
            self.bound = max(self.bound, wanted)
            self.clock.raise_bound(wanted)


@pytest.fixture(autouse=True, scope="module")
def _reserves_in_a_list():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock_module.told, "reserve", lambda reserved, bound: reserved.append(bound))
        yield


@pytest.fixture
def at(monkeypatch):
    """Set the machine's clock, in seconds."""
    return lambda seconds: monkeypatch.setattr(time, "time_ns", lambda: int(seconds * 1_000_000_000))


@given(INSTANTS, st.lists(st.tuples(INSTANTS, ACTS), min_size=1))
def test_no_time_is_below_one_that_was_given_or_told(floor, steps):
    store, highest, told, given_in_vain = Store(floor), floor, floor, 0
    original = time.time_ns
    try:
        for instant, act in steps:
            time.time_ns = lambda instant=instant: instant * 1000
            if act.startswith("stamp"):
                stamp = store.stamp(commits=act == "stamp")
                assert stamp > max(highest, told, given_in_vain)
                assert stamp % 1_000_000
                if act == "stamp":
                    highest = stamp
                else:
                    given_in_vain = stamp
            elif act == "tell":
                now = store.clock.told()
                assert told <= now <= store.bound
                told = now
            elif act == "reserve":
                store.reserve()
            else:
                assert store.bound >= highest
                store, given_in_vain = Store(store.bound, highest), 0
            assert store.bound >= told
    finally:
        time.time_ns = original


def test_the_time_stays_below_a_stamp_until_it_is_committed():
    """Else a reader would take a time for complete whose last record is still on its way."""
    clock = LocalClock()
    stamp = clock.stamp([])
    time.sleep(0.002)
    assert clock.now() == stamp - 1
    clock.stamp([])
    assert clock.now() == stamp - 1
    clock.settle()
    assert clock.now() > stamp


def test_what_is_told_keeps_up_with_the_time(at):
    store = Store(0)
    for seconds in (1000, 1001, 1004, 1010, 1010.5, 90_000):
        at(seconds)
        store.reserve()
        assert store.clock.told() == seconds * 1_000_000
        assert store.bound <= seconds * 1_000_000 + STEP


def test_a_server_that_is_killed_again_and_again_does_not_run_ahead_more_and_more(at):
    store = Store(0)
    for tenth in range(100):
        at(1000 + tenth / 10)
        store.reserve()
        assert 1000 + tenth / 10 <= store.clock.told() / 1_000_000 <= 1000 + tenth / 10 + 5
        store = Store(store.bound)


def test_a_clock_that_was_a_day_ahead_stands_still_and_stamps_go_on(at):
    at(86_400)
    store = Store(0)
    store.reserve()
    latest = store.clock.told()
    at(0)
    store = Store(latest)
    stamps = [store.stamp(commits=True) for _ in range(3)]
    store.reserve()
    assert stamps == [latest + 1, latest + 2, latest + 3]
    assert store.clock.told() == latest
    assert store.bound == stamps[-1]


def test_a_command_beside_the_server_knows_the_time(at):
    at(1000)
    server = Store(0)
    server.reserve()
    assert Store(server.bound).clock.now() == 1_000_000_000
    at(0)
    assert Store(server.bound).clock.now() == 1_000_000_000
