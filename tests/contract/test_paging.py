"""Pages of queries and searches, and the iterators that follow them."""

import sys
from uuid import UUID

import msgspec
import pytest

from e3db_connectors import NewRecord, Search
from e3db_connectors.client import replies
from e3db_connectors.errors import ReplyTooLarge, ResponseInvalid, UsageError, WindowExceeded
from e3db_connectors.wire.search import SearchResponse


@pytest.fixture
def written(client):
    items = [NewRecord("t", {"n": str(number)}, {"parity": "odd" if number % 2 else "even"}) for number in range(7)]
    return [outcome.value for outcome in client.write_many(items, workers=1)]


def test_query_pages_follow_after_index(client, written):
    first = client.query(page_size=5)
    rest = client.query(page_size=5, last_index=first.after_index)
    assert [*first, *rest] == written
    assert (len(first), len(rest)) == (5, 2)
    assert len(client.query(last_index=rest.after_index)) == 0
    assert list(client.query_all(page_size=2)) == written


SMALL = """
from e3db_connectors.server.store import queries
from e3db_connectors.wire import limits
queries._QUERY_PAGE, queries._SEARCH_PAGE, limits.SEARCH_WINDOW = 1_500, 3_000, 6
from e3db_connectors.cli import main
main()
"""


@pytest.fixture(scope="module")
def small_server(running_server, tmp_path_factory):
    """A server whose pages and window are small."""
    with running_server(tmp_path_factory.mktemp("small"), program=(sys.executable, "-c", SMALL)) as server:
        yield server


def test_a_server_ends_the_pages_of_large_records(small_server, call_as):
    with small_server.register() as client:
        numbers = [str(number) for number in range(5)]
        for number in numbers:
            client.write("t", {"n": number, "pad": "x" * 500})
        call = call_as(client)
        pages, after = [], 0
        while results := (page := call("POST", "/v1/storage/search", json={"after_index": after, "include_data": True}).json())["results"]:
            pages.append(len(results))
            after = page["last_index"]
        assert pages == [2, 2, 1]
        answers = [call("POST", "/v2/search", json={"limit": limit, "include_data": True}) for limit in (5, 4)]
        assert [answer.status_code for answer in answers] == [413, 200]
        assert "ask for fewer" in answers[0].json()["error"]
        ids = [record.meta.record_id for record in client.query(data=False)]
        batches = [call("GET", "/v1/storage/records", json={"record_ids": some, "include_data": True}) for some in (ids, ids[:3])]
        assert [answer.status_code for answer in batches] == [413, 200]
        for every in (client.query_all(), client.search_all(Search(include_data=True))):
            assert [record.data["n"] for record in every] == numbers
        assert len(client.query(data=False)) == len(client.search(Search(count=5))) == 5


@pytest.mark.parametrize(("token", "limit", "count", "following"), [(0, 4, 4, 4), (4, 4, 2, 0), (3, 2, 2, 5), (4, 2, 2, 0), (5, 1, 1, 0)])
def test_the_last_page_of_a_search_ends_at_the_window(small_server, call_as, token, limit, count, following):
    with small_server.register() as client:
        list(client.write_many(NewRecord("t", {}) for _ in range(8)))
        page = call_as(client)("POST", "/v2/search", json={"next_token": token, "limit": limit}).json()
    assert (len(page["results"]), page["last_index"], page["total_results"]) == (count, following, 8)


@pytest.mark.parametrize(("limit", "fits"), [(4_000, True), (500, False)])
def test_of_large_records_fewer_come_at_a_time(limit, fits, client, written, monkeypatch):
    monkeypatch.setattr(replies.read_body, "__defaults__", (limit,))
    with pytest.raises(ReplyTooLarge, match="fewer records"):
        client.query()
    for every in (client.query_all(), client.search_all(Search(include_data=True))):
        if fits:
            assert list(every) == written
        else:
            with pytest.raises(ReplyTooLarge):
                next(every)


def test_query_filters_take_one_or_many_texts_or_ids(client, written, stranger):
    ids = [record.meta.record_id for record in written[:2]]
    assert list(client.query(record=ids)) == list(client.query(record=[UUID(record_id) for record_id in ids])) == written[:2]
    assert list(client.query(record=ids[0])) == list(client.query(record=UUID(ids[0]))) == written[:1]
    assert list(client.query(record_type="t", writer=client.client_id)) == written
    assert list(client.query(record_type=["other"])) == list(stranger.query(writer="all")) == []
    odd = client.query(plain={"eq": {"name": "parity", "value": "odd"}})
    assert list(odd) == written[1::2]


def test_data_is_left_out_on_request(client, written):
    assert [record.data for record in client.query(data=False)] == [{}] * len(written)


@pytest.mark.parametrize("size", [0, -1, 1001])
def test_page_sizes_have_limits(size, client):
    with pytest.raises(UsageError, match="1 to 1000"):
        client.query(page_size=size)
    with pytest.raises(UsageError, match="1 to 1000"):
        next(client.query_all(page_size=size))


def test_filters_are_ids_and_names(client):
    with pytest.raises(UsageError, match="int"):
        client.query(record=[1])


@pytest.mark.parametrize("count", [1, 3, 7, 1000])
def test_a_search_goes_through_all_its_pages(count, client, written):
    assert list(client.search_all(Search(include_data=True, count=count))) == written


def test_a_search_can_go_on_from_a_token(client, written):
    query = Search(include_data=True, count=3)
    first = client.search(query)
    query.next_token = first.next_token
    assert [*first, *client.search_all(query)] == written
    assert (first.total_results, len(first), first.next_token) == (7, 3, 3)


class Pages:
    """Answers searches from a list; for totals that would take a server an hour to fill."""

    def __init__(self, *pages):
        self.pages = list(pages)

    def __call__(self, _request):
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


def test_more_than_can_be_fetched_is_an_error_before_the_first_record(client, monkeypatch):
    monkeypatch.setattr(client, "search_page", Pages(SearchResponse([], 1000, 10_000)))
    with pytest.raises(WindowExceeded, match="ranges of time"):
        next(client.search_all(Search()))


def test_more_than_can_be_fetched_is_an_error_when_it_grows_meanwhile(client, written, monkeypatch):
    first = client.search_page(Search(count=3).to_request())
    monkeypatch.setattr(client, "search_page", Pages(first, msgspec.structs.replace(first, total_results=12_000, last_index=6)))
    found = client.search_all(Search(count=3))
    assert [next(found).meta for _ in range(3)] == [record.meta for record in written[:3]]
    with pytest.raises(WindowExceeded):
        next(found)


def test_pages_that_do_not_move_on_are_an_error(client, written, monkeypatch):
    monkeypatch.setattr(client, "search_page", Pages(client.search_page(Search(count=3).to_request())))
    with pytest.raises(ResponseInvalid, match="move on"):
        list(client.search_all(Search(count=3)))
    assert len(written) == 7


def test_a_record_without_all_of_its_data_is_not_updated(client, written):
    """Else an update would lose what was left out."""
    record_id = written[0].meta.record_id
    partial = [
        client.query(record=record_id, data=False).records[0],
        client.search(Search(count=1)).records[0],
        client.read(record_id, fields=["n"]),
        client.read(record_id, fields="other"),
        client.read_batch([record_id], include_data=False)[0],
    ]
    for record in partial:
        assert record.partial
        with pytest.raises(UsageError, match="read it whole"):
            client.update(record)
    assert not client.query(record=record_id).records[0].partial
    assert client.read(record_id, fields="n").data == {"n": "0"}
    assert client.update(client.read(record_id)).data == {"n": "0"}
