"""Whose records queries and searches find: those of the writer, of the user, and of however many who share."""

import time
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, Table, insert, select

RECORDS = "/v1/storage/records"
QUERY = "/v1/storage/search"
SEARCH = "/v2/search"


@pytest.fixture
def write(call, upload):
    """Write a record as `client`; further meta members by name."""

    def run(**meta):
        answer = call("POST", RECORDS, json=upload(**meta))
        assert answer.status_code == 201, answer.text
        return answer.json()["meta"]["record_id"]

    return run


@pytest.fixture
def finds(call_as):
    """The ids that a client finds with a path and a body."""

    def run(who, path, **body):
        answer = call_as(who)("POST", path, json=body)
        assert answer.status_code == 200, answer.text
        return [result["meta"]["record_id"] for result in answer.json()["results"]]

    return run


# The user


@pytest.mark.parametrize("path", [QUERY, SEARCH])
def test_a_user_finds_what_is_written_about_it_beside_its_own(stranger, write, finds, path):
    about = [write(user_id=stranger.client_id), write(user_id=stranger.client_id, type="other", plain={"k": "v"})]
    write()
    own = stranger.write("note", {}).meta.record_id
    assert finds(stranger, path) == [own]
    assert finds(stranger, path, include_all_writers=True) == [*about, own]


def test_a_query_that_names_the_writer_finds_the_users_records(client, stranger, write, finds):
    about = write(user_id=stranger.client_id)
    write()
    stranger.write("note", {})
    assert finds(stranger, QUERY, writer_ids=[client.client_id]) == [about]
    assert finds(stranger, QUERY, writer_ids=[stranger.client_id], user_ids=[client.client_id]) == []


@pytest.mark.parametrize("terms", [{"user_ids": "{user}"}, {"tags": {"k": "v"}}, {"values": "v"}])
@pytest.mark.parametrize("strategy", ["EXACT", "WILDCARD"])
def test_a_user_finds_by_terms(stranger, write, finds, terms, strategy):
    about = write(user_id=stranger.client_id, plain={"k": "v"})
    given = {name: [term.format(user=stranger.client_id)] if isinstance(term, str) else term for name, term in terms.items()}
    request = {"include_all_writers": True, "match": [{"strategy": strategy, "terms": given}]}
    assert finds(stranger, SEARCH, **request) == [about]


def test_the_users_file_is_found_too(call, stranger, upload, finds, http):
    meta = {"checksum": "XrY7u+Ae7tCTyyK7j1rNww==", "size": 11}
    announced = call("POST", "/v1/storage/files", json=upload(user_id=stranger.client_id, file_meta=meta)).json()
    path = announced["file_url"].removeprefix(http.url)
    assert http("PUT", path, data=b"hello world").status_code == 200
    assert call("PATCH", f"/v1/storage/files/{announced['id']}").status_code == 201
    assert finds(stranger, SEARCH, include_all_writers=True) == finds(stranger, QUERY, include_all_writers=True) == [announced["id"]]


def test_others_find_nothing_of_a_users_records_and_no_list_names_them(server, call, call_as, stranger, write, finds):
    write(user_id=stranger.client_id)
    with server.register("third") as third:
        assert finds(third, SEARCH, include_all_writers=True) == []
    for calls in (call, call_as(stranger)):
        for name in ("outgoing", "incoming", "proxies", "granted"):
            assert calls("GET", f"/v1/storage/policy/{name}").json() == []


@pytest.mark.parametrize("member", ["allow", "deny"])
def test_that_a_record_is_about_a_client_is_no_right_to_give_or_take(client, call, stranger, write, finds, member):
    about = write(user_id=stranger.client_id)
    path = f"/v1/storage/policy/{stranger.client_id}/{client.client_id}/{stranger.client_id}/note"
    assert call("PUT", path, json={member: [{"user": {}}]}).status_code == 400
    assert finds(stranger, SEARCH, include_all_writers=True) == [about]


def test_a_record_may_be_about_nobody_that_is_known(write, finds, client):
    about = write(user_id=str(uuid4()))
    assert finds(client, SEARCH) == [about]


def test_a_user_with_a_share_finds_each_record_once(client, call, stranger, write, finds):
    about = write(user_id=stranger.client_id)
    path = f"/v1/storage/policy/{stranger.client_id}/{client.client_id}/{stranger.client_id}/note"
    assert call("PUT", path, json={"allow": [{"read": {}}]}).status_code == 201
    assert finds(stranger, SEARCH, include_all_writers=True) == [about]
    assert call("PUT", path, json={"deny": [{"read": {}}]}).status_code == 201
    assert finds(stranger, QUERY, include_all_writers=True) == [about]


# Many shares


def share_types(server, writer, reader, count):
    """Share *count* types, in the store: by HTTP that many take minutes."""
    with server.database() as connection:
        policies = Table("policies", MetaData(), autoload_with=connection)
        granted = connection.execute(select(policies.c.granted)).scalars().first() or 1
        row = {"writer_id": writer, "user_id": writer, "reader_id": reader, "right": "read", "granted": granted, "granted_by": writer}
        connection.execute(insert(policies), [{**row, "type": f"type {number}"} for number in range(count)])


SHARES = 15_000


@pytest.fixture
def shared(server, client, stranger, write):
    """Records that are shared with `stranger` among very many shares; and one that is not, and one of its own."""
    share_types(server, client.client_id, stranger.client_id, SHARES)
    ids = [write(type=f"type {number}", plain={"n": str(number)}) for number in (0, 7, SHARES - 1)]
    write(type="secret", plain={"n": "7"})
    write(type="type 7", user_id=str(uuid4()))  # of another user: not what was shared
    return [*ids, stranger.write("mine", {}).meta.record_id]


def test_very_many_shares_are_searched_and_queried(client, stranger, shared, finds):
    everyone = {"include_all_writers": True, "include_data": True}
    assert finds(stranger, SEARCH, **everyone) == finds(stranger, QUERY, **everyone) == shared
    assert finds(stranger, SEARCH) == shared[-1:]
    assert finds(stranger, QUERY, writer_ids=[client.client_id]) == shared[:-1]
    assert finds(stranger, QUERY, **everyone, content_types=["type 7"]) == shared[1:2]
    for strategy in ("EXACT", "WILDCARD", "REGEXP", "FUZZY"):
        match = [{"strategy": strategy, "condition": "AND", "terms": {"values": ["7"], "content_types": ["type 7"]}}]
        assert shared[1] in finds(stranger, SEARCH, **everyone, match=match)
    modified = {"range": {"range_key": "MODIFIED"}, "order": {"sort_order": "DESCENDING"}}
    assert finds(stranger, SEARCH, **everyone, **modified) == shared[::-1]


def test_very_many_shares_and_very_many_values_are_no_server_error(call_as, stranger, shared):
    calls = call_as(stranger)
    ids = [str(uuid4()) for _ in range(9_000)]
    answers = [
        calls("POST", QUERY, json={"include_all_writers": True, "record_ids": [*ids, shared[0]]}),
        calls("POST", QUERY, json={"writer_ids": ids}),
        calls("POST", SEARCH, json={"include_all_writers": True, "match": [{"terms": {"record_ids": [*ids, shared[0]]}}]}),
    ]
    assert [(answer.status_code, len(answer.json()["results"])) for answer in answers] == [(200, 1), (200, 0), (200, 1)]


def test_very_many_shares_are_searched_fast(call_as, stranger, shared):
    """It takes no longer than to list them a few times, which is a line each."""
    calls = call_as(stranger)
    assert calls("POST", SEARCH, json={"include_all_writers": True}).json()["total_results"] == len(shared)

    def seconds(method, path, **options):
        began = time.perf_counter()
        assert calls(method, path, **options).status_code == 200
        return time.perf_counter() - began

    pairs = [(seconds("POST", SEARCH, json={"include_all_writers": True}), seconds("GET", "/v1/storage/policy/incoming")) for _ in range(3)]
    searching, listing = map(min, zip(*pairs, strict=True))
    assert searching < 3 * listing
