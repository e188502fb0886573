"""The server's clock under a machine's clock that jumps."""

import time

from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.server.clock import LocalClock

INSTANTS = st.integers(0, 5_000_000)


@given(INSTANTS, st.lists(st.tuples(INSTANTS, st.booleans()), min_size=1))
def test_no_stamp_is_repeated_or_below_a_time_that_was_told(floor, steps):
    clock, highest = LocalClock(floor), floor
    original = time.time_ns
    try:
        for instant, stamps in steps:
            time.time_ns = lambda instant=instant: instant * 1000
            told = clock.stamp() if stamps else clock.now()
            clock.settle()
            assert told > highest if stamps else told >= highest
            assert not stamps or told % 1_000_000
            highest = told
    finally:
        time.time_ns = original


def test_the_time_stays_below_a_stamp_until_it_is_committed():
    """Else a reader would take a time for complete whose last record is still on its way."""
    clock = LocalClock()
    stamp = clock.stamp()
    time.sleep(0.002)
    assert clock.now() == stamp - 1
    clock.stamp()
    assert clock.now() == stamp - 1
    clock.settle()
    assert clock.now() > stamp
