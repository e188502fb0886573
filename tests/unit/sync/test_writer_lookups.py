"""Look-ups: in batches where the server takes them, one by one where it does not."""

import msgspec
import pytest

from e3db_connectors import errors
from e3db_connectors.wire.queries import QueryResponse

ROWS = [{"id": number, "name": "a"} for number in range(300)]


class Queries:
    """The queries for rows that a client sends, and what is answered in place of the server."""

    def __init__(self, client):
        self.seen, self.answer, self.ask = [], lambda _request: None, client._query
        client._query = self.query

    def query(self, request):
        if request.content_types != ["items"] or not request.plain:
            return self.ask(request)
        self.seen.append(request.plain)
        return self.answer(request) or self.ask(request)

    def one_by_one(self):
        return sum("eq" in expression for expression in self.seen)


@pytest.fixture
def queries(items):
    return Queries(items.client)


def refuse(request):
    if "or" in request.plain:
        raise errors.InvalidRequest("POST", "/v1/storage/search", 400)


def find_nothing(request):
    """As a server that takes ``or`` for the name of a member."""
    return QueryResponse([], request.after_index) if "or" in request.plain else None


def test_many_keys_take_few_queries(items, queries):
    items.writer().write(ROWS)
    assert queries.one_by_one() == 0
    assert len(queries.seen) <= 6 * 2  # two look-ups before and two after, and the empty pages that end them


@pytest.mark.parametrize("answer", [refuse, find_nothing])
def test_a_server_without_or_is_asked_key_by_key(answer, items, queries, outcomes, caplog):
    queries.answer = answer
    assert outcomes(items.writer().write(ROWS[:20])) == ["created"] * 20
    assert queries.one_by_one() >= 20
    assert caplog.text.count("each is asked for by itself") == 1
    assert outcomes(items.writer().write(ROWS[:20])) == ["unchanged"] * 20
    assert outcomes(items.writer().write([{**row, "name": "b"} for row in ROWS[:20]])) == ["updated"] * 20
    assert items.stored() == sorted(({"id": str(row["id"]), "name": "b"} for row in ROWS[:20]), key=str)


def test_a_server_that_refuses_every_query_is_an_error(items, queries):
    def refuse_all(_request):
        raise errors.InvalidRequest("POST", "/v1/storage/search", 400)

    queries.answer = refuse_all
    with pytest.raises(errors.InvalidRequest):
        items.writer().write(ROWS[:3])


def test_a_server_that_is_too_busy_is_an_error(items, queries):
    def busy(_request):
        raise errors.Unavailable("POST", "/v1/storage/search", 503)

    queries.answer = busy
    with pytest.raises(errors.Unavailable):
        items.writer().write(ROWS[:3])
    assert queries.one_by_one() == 0


def test_records_that_were_not_asked_for_are_passed_over(items, queries, outcomes):
    """As a server answers that knows no filter at all."""
    items.writer().write(ROWS[:5])
    items.client.write("items", {"id": "1"})
    queries.answer = lambda request: queries.ask(msgspec.structs.replace(request, plain=None))
    assert outcomes(items.writer().write(ROWS[3:7])) == ["unchanged", "unchanged", "created", "created"]
    assert len(items.records()) == 8


def test_pages_of_doubles_are_followed_to_the_end(items, queries, outcomes):
    queries.answer = lambda request: queries.ask(msgspec.structs.replace(request, count=2))
    for name in "abcde":
        items.plant(1, name)
    assert outcomes(items.writer().write([{"id": 1, "name": "new"}])) == ["updated"]
    assert items.stored() == [{"id": "1", "name": "new"}]


def test_rows_that_are_too_large_for_one_reply_are_asked_for_in_parts(items, outcomes, monkeypatch):
    rows = [{"id": number, "name": "x" * 100_000} for number in range(40)]
    items.writer().write(rows)
    monkeypatch.setattr("e3db_connectors.client.replies.read_body.__defaults__", (1_000_000,))
    assert outcomes(items.writer().write(rows)) == ["unchanged"] * 40
