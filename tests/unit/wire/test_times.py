"""Times on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import InvalidTime
from e3db_connectors.wire import times

MOMENTS = st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9999, 1, 1), timezones=st.just(UTC))


@given(MOMENTS)
def test_what_is_rendered_parses_to_the_same_moment(moment):
    text = times.render(moment)
    assert times.parse(text) == moment
    assert len(text) == 27
    assert text.endswith("Z")


@given(MOMENTS, MOMENTS)
def test_rendered_times_sort_as_texts_like_the_moments(one, other):
    assert (times.render(one) < times.render(other)) == (one < other)


@given(MOMENTS)
def test_microseconds_since_the_epoch_round_trip(moment):
    assert times.from_micros(times.to_micros(moment)) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-04T05:06:07Z", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2026-03-04T05:06:07.5Z", datetime(2026, 3, 4, 5, 6, 7, 500_000, tzinfo=UTC)),
        ("2026-03-04T05:06:07.123456789Z", datetime(2026, 3, 4, 5, 6, 7, 123_456, tzinfo=UTC)),
        ("2026-03-04 05:06:07.000123", datetime(2026, 3, 4, 5, 6, 7, 123, tzinfo=UTC)),
        ("2024-01-01T05:06:07.000008-07:00", datetime(2024, 1, 1, 12, 6, 7, 8, tzinfo=UTC)),
        ("2024-01-01T00:00:00+05:30", datetime(2023, 12, 31, 18, 30, tzinfo=UTC)),
    ],
)
def test_the_forms_of_existing_clients_are_read(text, expected):
    assert times.parse(text) == expected
    assert times.rendered(text) == times.rendered(times.render(expected)) == times.render(expected)


def test_a_time_without_an_offset_takes_the_given_zone():
    assert times.parse("2024-01-01T00:00:00", default_zone=timezone(timedelta(hours=-8))) == datetime(2024, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-13-01T00:00:00Z",
        "2023-02-29T00:00:00.000000Z",
        "2024-01-01",
        "2024-01-01T00:00:00.1234567890Z",
        "٢٠٢٤-01-01T00:00:00Z",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_time_is_refused(text):
    for read in (times.parse, times.rendered):
        with pytest.raises(InvalidTime, match="is no time"):
            read(text)


@pytest.mark.parametrize("text", [None, "", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00"])
def test_zero_times_are_unset(text):
    assert times.is_unset(text)
