"""Where a run begins and ends."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import StateError
from e3db_connectors.sync.bookmarks import Cadence, parse_bookmark, plan_run
from e3db_connectors.sync.windows import Window
from e3db_connectors.wire import times

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AGO = timedelta(hours=1)
EXACT = Cadence(0, 0)


def test_a_first_run_reads_everything_up_to_the_settled_present():
    assert plan_run(None, None, NOW, Cadence()) == Window(times.EPOCH, NOW - timedelta(seconds=5))


def test_a_later_run_begins_the_look_back_before_its_bookmark():
    assert plan_run(NOW - AGO, None, NOW, Cadence()) == Window(NOW - AGO - timedelta(seconds=300), NOW - timedelta(seconds=5))


def test_it_never_begins_before_the_start_date():
    assert plan_run(NOW - AGO, NOW - AGO, NOW, Cadence()).start == NOW - AGO


def test_a_start_date_after_the_present_reads_nothing():
    assert plan_run(None, NOW + AGO, NOW, EXACT) is None


def test_nothing_is_read_when_no_time_has_passed():
    assert plan_run(NOW, None, NOW, EXACT) is None


def test_a_bookmark_in_the_future_warns_and_reads_nothing(caplog):
    assert plan_run(NOW + AGO, None, NOW, Cadence()) is None
    assert "lies in the server's future" in caplog.text


@given(
    st.datetimes(timezones=st.just(UTC), min_value=datetime(2000, 1, 1), max_value=datetime(2030, 1, 1)),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
)
def test_consecutive_runs_leave_no_gap(first, lookback, settle):
    cadence = Cadence(lookback, settle)
    run = plan_run(None, None, first, cadence)
    again = plan_run(run.end, None, first + AGO, cadence)
    assert again.start <= run.end < again.end


def test_bounds_are_whole_milliseconds():
    run = plan_run(NOW - timedelta(microseconds=1500), None, NOW, EXACT)
    assert run.start.microsecond % 1000 == 0
    assert run.start <= NOW - timedelta(microseconds=1500)


@pytest.mark.parametrize("value", ["soon", "", 7, {}, "2026"])
def test_a_bookmark_that_is_no_time_is_refused(value):
    with pytest.raises(StateError, match="mend the state"):
        parse_bookmark(value)
