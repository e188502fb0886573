"""Windows over a store in memory: every record once, in whole windows, in few requests."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import ResponseInvalid, WindowExceeded
from e3db_connectors.sync.windows import MILLISECOND, Window, WindowReader
from e3db_connectors.wire import times
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(seconds=10)
MOMENTS = st.integers(-2_000_000, 12_000_000).map(lambda micros: BEGIN + timedelta(microseconds=micros))


class Store:
    """Answers v2 searches by range like a server. Equal times, which our own server never gives, can only be had here."""

    def __init__(self, moments, *, uncounted=0):
        self.metas = [
            Meta("w", "w", "t", {}, f"{number:08}", "v", last_modified=times.render(moment))
            for number, moment in enumerate(sorted(moments))
        ]
        self.requests, self.uncounted = 0, uncounted

    def search_page(self, request):
        self.requests += 1
        after, before = times.parse(request.range.after), times.parse(request.range.before)
        found = [meta for meta in self.metas if after <= times.parse(meta.last_modified) < before]
        page = [Result(meta) for meta in found[: request.limit]]
        more = len(found) > len(page)
        return SearchResponse(page, len(page) if more else 0, len(found) + self.uncounted)


def read(moments, page_size, span=Window(BEGIN, END)):  # noqa: B008 - a frozen value
    store = Store(moments)
    pages = list(WindowReader(store, "t", page_size=page_size).read(span))
    return store, pages


@given(st.lists(MOMENTS, unique_by=lambda moment: (moment - BEGIN) // timedelta(milliseconds=3)), st.integers(2, 9))
def test_every_record_of_the_span_is_given_out_once(moments, page_size):
    _, pages = read(moments, page_size)
    given_out = [times.parse(result.meta.last_modified) for page in pages for result in page.results]
    assert given_out == sorted(moment for moment in moments if BEGIN <= moment < END)


@given(st.lists(MOMENTS, unique_by=lambda moment: (moment - BEGIN) // timedelta(milliseconds=3)), st.integers(2, 9))
def test_windows_are_half_open_whole_milliseconds_and_leave_no_gap(moments, page_size):
    _, pages = read(moments, page_size)
    bounds = [(page.window.start, page.window.end) for page in pages]
    assert bounds[0][0] == BEGIN
    assert bounds[-1][1] == END
    assert all(end == start for (_, end), (start, _) in pairwise(bounds))
    assert all(bound.microsecond % 1000 == 0 for pair in bounds for bound in pair)
    for page in pages:
        assert all(page.window.holds(times.parse(result.meta.last_modified)) for result in page.results)


def test_an_empty_span_costs_one_request():
    store, pages = read([], 1000, Window(times.EPOCH, END))
    assert store.requests == len(pages) == 1


def test_what_fits_a_page_costs_one_request():
    store, pages = read([BEGIN + timedelta(milliseconds=n) for n in range(1000)], 1000)
    assert store.requests == len(pages) == 1


def test_even_load_costs_little_more_than_its_pages():
    store, pages = read([BEGIN + timedelta(microseconds=400 * n) for n in range(25_000)], 1000)
    assert len(pages) <= 35
    assert store.requests <= len(pages) + 8


def test_a_late_burst_in_a_long_span_is_found_by_halving():
    store, _ = read([END - timedelta(milliseconds=n) for n in range(1, 3001)], 1000, Window(times.EPOCH, END))
    assert store.requests < 60


def test_an_early_and_a_late_burst_cost_no_walk_between_them():
    burst = [timedelta(milliseconds=n) for n in range(3000)]
    store, _ = read([times.EPOCH + step for step in burst] + [END - MILLISECOND - step for step in burst], 1000, Window(times.EPOCH, END))
    assert store.requests < 120


def test_a_millisecond_with_more_than_a_page_is_an_error_that_names_it():
    moment = BEGIN + timedelta(seconds=3)
    with pytest.raises(WindowExceeded, match=r"2026-01-01T00:00:0[23]"):
        read([moment] * 11, 10)


def test_windows_before_the_crowded_one_have_been_given_out():
    store = Store([BEGIN + timedelta(seconds=1), *[BEGIN + timedelta(seconds=3)] * 11])
    reader = WindowReader(store, "t", page_size=10).read(Window(BEGIN, END))
    assert len(next(reader).results) == 1
    with pytest.raises(WindowExceeded):
        list(reader)


def test_an_index_that_counts_more_than_it_returns_is_not_taken_as_complete():
    reader = WindowReader(Store([BEGIN], uncounted=1), "t")
    with pytest.raises(ResponseInvalid, match="counts 2 records"):
        list(reader.read(Window(BEGIN, END)))
