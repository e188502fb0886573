"""Windows over a store in memory: every record once, in whole windows, in few requests."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import ResponseInvalid, WindowExceeded
from e3db_connectors.sync.windows import Window, WindowReader
from e3db_connectors.wire import times
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = BEGIN + timedelta(seconds=10)
MOMENTS = st.integers(-2_000_000, 12_000_000).map(lambda micros: BEGIN + timedelta(microseconds=micros))


class Store:
    """Answers v2 searches by range like a server. Equal times, which our own server never gives, can only be had here."""

    def __init__(self, moments, *, uncounted=0):
        self.moments = sorted(moments)
        self.metas = [
            Meta("w", "w", "t", {}, f"{number:08}", "v", last_modified=times.render(moment)) for number, moment in enumerate(self.moments)
        ]
        self.requests, self.uncounted = 0, uncounted

    def search_page(self, request):
        self.requests += 1
        after, before = times.parse(request.range.after), times.parse(request.range.before)
        found = self.metas[bisect_left(self.moments, after) : bisect_left(self.moments, before)]
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


def test_a_late_burst_in_a_long_span_costs_two_requests_a_page_at_most():
    store, _ = read([END - timedelta(milliseconds=n) for n in range(1, 3001)], 1000, Window(times.EPOCH, END))
    assert store.requests <= 10


def test_bursts_far_apart_cost_no_walk_between_them():
    moments = [times.EPOCH + timedelta(days=day, milliseconds=n) for day in range(10) for n in range(1500)]
    store, pages = read(moments, 1000, Window(times.EPOCH, END))
    assert sum(len(page.results) for page in pages) == 15_000
    assert store.requests <= 70


class Shuffled(Store):
    """Orders its results by something else than the time of the last change, as the hosted index may."""

    def search_page(self, request):
        after, before = times.parse(request.range.after), times.parse(request.range.before)
        self.requests += 1
        found = self.metas[bisect_left(self.moments, after) : bisect_left(self.moments, before)]
        found = sorted(found, key=lambda meta: hash(meta.record_id))
        page = [Result(meta) for meta in found[: request.limit]]
        return SearchResponse(page, len(page) if len(found) > len(page) else 0, len(found))


def test_another_order_of_the_index_costs_requests_but_no_records():
    store = Shuffled([BEGIN + timedelta(milliseconds=2 * n) for n in range(4000)])
    pages = list(WindowReader(store, "t", page_size=500).read(Window(BEGIN, END)))
    assert sorted(result.meta.record_id for page in pages for result in page.results) == [meta.record_id for meta in store.metas]


def test_a_crowded_millisecond_is_read_without_its_neighbours_and_with_the_largest_page():
    crowd = [BEGIN + timedelta(seconds=3, microseconds=n) for n in range(990)]
    neighbours = [BEGIN + timedelta(seconds=3, microseconds=1000 + n) for n in range(990)]
    for page_size in (1, 7, 1000):
        _, pages = read(crowd + neighbours, page_size)
        assert sum(len(page.results) for page in pages) == 1980


def test_a_millisecond_with_more_than_a_page_is_an_error_that_names_it():
    moment = BEGIN + timedelta(seconds=3)
    with pytest.raises(WindowExceeded, match=r"2026-01-01T00:00:0[23]"):
        read([moment] * 1001, 10)


def test_windows_before_the_crowded_one_have_been_given_out():
    store = Store([BEGIN + timedelta(seconds=1), *[BEGIN + timedelta(seconds=3)] * 1001])
    taken = []

    def take():
        for page in WindowReader(store, "t", page_size=10).read(Window(BEGIN, END)):
            taken.extend(page.results)

    with pytest.raises(WindowExceeded):
        take()
    assert len(taken) == 1


def test_an_index_that_counts_more_than_it_returns_is_not_taken_as_complete():
    reader = WindowReader(Store([BEGIN], uncounted=1), "t")
    with pytest.raises(ResponseInvalid, match="counts 2 records"):
        list(reader.read(Window(BEGIN, END)))
