"""The v2 search: its answers, pages by offset, refusals, and whose records are found."""

import pytest

from e3db_connectors import Search, errors

# Answers


def test_an_answer_has_all_members(search):
    body = search().json()
    assert isinstance(body.pop("search_id"), str)
    assert body == {"results": [], "last_index": 0, "total_results": 0}


def test_without_data_record_data_and_access_key_are_null(search, three_records):
    results = search(include_data=False).json()["results"]
    assert [(result["record_data"], result["access_key"]) for result in results] == [(None, None)] * len(three_records)


def test_with_data_the_key_is_what_the_key_endpoint_gives(call, client, search, three_records):
    own = client.client_id
    result = search(include_data=True).json()["results"][0]
    assert result["record_data"] == call("GET", f"/v1/storage/records/{three_records['1'].meta.record_id}").json()["data"]
    assert result["access_key"] == call("GET", f"/v1/storage/access_keys/{own}/{own}/{own}/note").json()


def test_the_client_decrypts_what_it_finds(client, three_records):
    page = client.search(Search(include_data=True))
    assert list(page) == list(three_records.values())


def test_the_client_decrypts_nothing_unless_asked(client, three_records):
    assert [record.data for record in client.search(Search())] == [{}] * len(three_records)


def test_results_are_consistent_at_once(client, found):
    record = client.write("note", {}, {"n": "1"})
    assert found(Search()) == ["1"]
    client.delete(record.meta.record_id, record.meta.version)
    assert found(Search()) == []


# Pages


def test_pages_follow_each_other_by_offset_and_end_with_zero(client):
    written = [client.write("note", {}).meta.record_id for _ in range(5)]
    seen, tokens, token = [], [], 0
    while True:
        page = client.search(Search(count=2, next_token=token))
        seen += [record.meta.record_id for record in page]
        tokens.append((page.next_token, page.total_results))
        token = page.next_token
        if not token:
            break
    assert (seen, tokens) == (written, [(2, 5), (4, 5), (0, 5)])


def test_a_page_that_ends_at_the_last_record_has_token_zero(client, three_records):
    page = client.search(Search(count=len(three_records)))
    assert (len(page), page.next_token, page.total_results) == (3, 0, 3)


@pytest.mark.parametrize("token", [3, 4, 9999])
@pytest.mark.usefixtures("three_records")
def test_past_the_end_there_is_nothing_but_the_total(search, token):
    body = search(next_token=token).json()
    assert (body["results"], body["last_index"], body["total_results"]) == ([], 0, 3)


@pytest.mark.usefixtures("three_records")
def test_the_same_token_gives_the_same_page(search):
    assert search(limit=2, next_token=1).content == search(limit=2, next_token=1).content


@pytest.mark.usefixtures("three_records")
def test_totals_count_what_matches_and_not_the_page(search):
    body = search(limit=1, match=[{"terms": {"content_types": ["note"]}}]).json()
    assert (len(body["results"]), body["total_results"]) == (1, 2)


def test_a_page_has_50_records_unless_asked(client, search):
    for _ in range(51):
        client.write("note", {})
    pages = [search(**given).json() for given in ({}, {"limit": 0}, {"limit": None})]
    assert [(len(page["results"]), page["last_index"], page["total_results"]) for page in pages] == [(50, 50, 51)] * 3


@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.usefixtures("three_records")
def test_a_limit_from_1_to_1000_is_taken(search, limit):
    assert len(search(limit=limit).json()["results"]) == min(limit, 3)


@pytest.mark.parametrize("limit", [-1, 1001, 2**70, "10", 1.5])
def test_any_other_limit_is_400(search, limit):
    assert search(limit=limit).status_code == 400


@pytest.mark.parametrize("token", [-1, 10_000, 10_001, 2**70, "1"])
def test_a_token_outside_the_window_is_400(search, token):
    answer = search(next_token=token)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_a_token_outside_the_window_is_an_invalid_request_for_the_client(client):
    with pytest.raises(errors.InvalidRequest):
        client.search(Search(next_token=10_000))


# Refusals


@pytest.mark.parametrize(
    "body",
    [
        {"match": [{"condition": "XOR"}]},
        {"match": [{"condition": "or", "terms": {"keys": ["a"]}}]},
        {"match": [{"strategy": "SOUNDEX"}]},
        {"exclude": [{"strategy": "exact"}]},
        {"range": {"range_key": "DELETED"}},
        {"range": {"range_key": "modified"}},
        {"order": {"sort_order": "UPWARDS"}},
        {"order": {"sortOrder": "descending"}},
    ],
)
def test_an_unknown_word_is_400(search, body):
    answer = search(**body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize(
    "body",
    [
        {"match": {}},
        {"match": ["x"]},
        {"match": [{"terms": {"keys": "a"}}]},
        {"match": [{"terms": {"keys": [7]}}]},
        {"match": [{"terms": {"tags": {"a": 1}}}]},
        {"range": []},
        {"range": {"after": "yesterday"}},
        {"range": {"before": "2024-13-01T00:00:00Z"}},
        {"range": {"after": {}}},
        {"order": "DESCENDING"},
        {"include_data": "yes"},
    ],
)
def test_a_malformed_search_is_400(search, body):
    answer = search(**body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.usefixtures("three_records")
def test_all_members_may_be_null_or_unknown(raw_found):
    members = [
        "limit",
        "next_token",
        "include_all_writers",
        "include_data",
        "match",
        "exclude",
        "range",
        "order",
        "async",
        "group_ids",
        "colour",
    ]
    assert raw_found(**dict.fromkeys(members)) == ["1", "2", "3"]


# Scope


@pytest.mark.parametrize("everyone", [True, False])
def test_records_of_others_are_never_found(client, stranger, three_records, everyone):
    ids = [record.meta.record_id for record in three_records.values()]
    searches = [
        Search(include_all_writers=everyone),
        Search(include_all_writers=everyone).match(writers=[client.client_id]),
        Search(include_all_writers=everyone).match(records=ids, values=["Porto"]),
        Search(include_all_writers=everyone).exclude(values=["good"]),
    ]
    assert [stranger.search(search).total_results for search in searches] == [0, 0, 0, 0]


def test_each_client_finds_its_own(client, stranger):
    mine, theirs = client.write("note", {}), stranger.write("note", {})
    assert [record.meta for record in client.search(Search(include_all_writers=True))] == [mine.meta]
    assert [record.meta for record in stranger.search(Search(include_all_writers=True))] == [theirs.meta]
