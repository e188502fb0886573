"""Points in time as callers give them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors import Search
from e3db_connectors.client.instants import ZONES, instant
from e3db_connectors.errors import InvalidTime, UsageError
from e3db_connectors.wire import times

NAIVE = datetime(2026, 3, 4, 5, 6, 7, 8)
NEAR = st.datetimes(datetime(1902, 1, 1), datetime(2200, 1, 1))
HOURS = st.integers(-23, 23)


@given(NEAR)
def test_a_time_without_a_zone_is_utc(moment):
    assert instant(moment) == moment.replace(tzinfo=UTC)


@given(NEAR, st.sampled_from(sorted(ZONES)))
def test_or_in_the_zone_that_is_named(moment, zone):
    assert instant(moment, zone=zone) == moment.replace(tzinfo=UTC) - timedelta(hours=ZONES[zone])


@given(NEAR, HOURS, st.integers(0, 59), st.sampled_from(sorted(ZONES)))
def test_an_offset_goes_before_a_zone(moment, hours, minutes, zone):
    span = timedelta(hours=abs(hours), minutes=minutes)
    sign = "-" if hours < 0 else "+"
    expected = moment.replace(tzinfo=UTC) - (-span if hours < 0 else span)
    assert instant(moment, zone=zone, zone_offset=f"{sign}{abs(hours):02}:{minutes:02}") == expected
    assert instant(moment, zone_offset=hours) == moment.replace(tzinfo=UTC) - timedelta(hours=hours)


@given(NEAR, HOURS, HOURS)
def test_an_aware_time_keeps_its_zone(moment, own, offset):
    aware = moment.replace(tzinfo=timezone(timedelta(hours=own)))
    assert instant(aware, zone="PST", zone_offset=offset) == aware


@given(st.integers(-(2**31), 2**33))
def test_seconds_count_from_the_epoch_whatever_the_zone(seconds):
    assert instant(seconds, zone="PST") == datetime.fromtimestamp(seconds, UTC)


def test_fractions_of_a_second_count():
    assert instant(0.25) == datetime(1970, 1, 1, 0, 0, 0, 250_000, UTC)


@pytest.mark.parametrize("zone", ["CET", "pst", "America/Phoenix", ""])
def test_other_zone_names_are_refused(zone):
    with pytest.raises(InvalidTime, match="PST, MST, CST, EST, UTC"):
        instant(NAIVE, zone=zone)


@pytest.mark.parametrize("offset", ["", "7", "-7:00", "+24:00", "+00:60", 24, -24, 1.5, True and "x", "+01:00Z"])
def test_malformed_offsets_are_refused(offset):
    with pytest.raises(InvalidTime, match="zone_offset"):
        instant(NAIVE, zone_offset=offset)


@pytest.mark.parametrize("moment", ["2026-01-01", None, object()])
def test_other_things_are_no_times(moment):
    with pytest.raises(InvalidTime, match="datetime or seconds"):
        instant(moment)


@pytest.mark.parametrize("moment", [1e300, -1e300, float("nan"), float("inf"), 10**400])
def test_times_beyond_the_calendar_are_refused(moment):
    with pytest.raises(InvalidTime):
        instant(moment)


@given(NEAR, NEAR, st.sampled_from(["CREATED", "MODIFIED"]))
def test_a_range_is_sent_in_utc(start, end, key):
    sent = Search().range(key=key, start=start, end=end, zone_offset=-7).to_request().range
    assert sent.range_key == key
    assert times.parse(sent.after) == start.replace(tzinfo=UTC) + timedelta(hours=7)
    assert times.parse(sent.before) == end.replace(tzinfo=UTC) + timedelta(hours=7)


def test_a_range_may_be_open():
    sent = Search().range(start=0).to_request().range
    assert (sent.after, sent.before) == ("1970-01-01T00:00:00.000000Z", None)


def test_words_that_no_server_knows_are_refused_here():
    for build in (
        lambda: Search().range(key="DELETED"),
        lambda: Search().order("SIDEWAYS"),
        lambda: Search().match(strategy="SOUNDEX"),
        lambda: Search().exclude(condition="XOR"),
        lambda: Search().match(writers=[1]),
        lambda: Search(count=1001),
    ):
        with pytest.raises(UsageError):
            build()
