"""The v2 search: terms, ranges, order, and pages by offset."""

from datetime import timedelta
from uuid import uuid4

import pytest

from e3db_connectors import Search, errors
from e3db_connectors.wire import times
from e3db_connectors.wire.search import Order, Params, Range, SearchRequest, Terms

SEARCH = "/v2/search"
ZERO = "0001-01-01T00:00:00Z"
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def search(call):
    """Run a raw search; its members by name."""
    return lambda **body: call("POST", SEARCH, json=body)


@pytest.fixture
def found(client):
    """The `n` of plain of what a `Search` finds, in its order."""

    def names(search):
        return [record.meta.plain["n"] for record in client.search(search)]

    return names


@pytest.fixture
def raw_found(search):
    """The same of a raw search."""
    return lambda **body: [result["meta"]["plain"]["n"] for result in search(**body).json()["results"]]


@pytest.fixture
def records(client):
    """Three records, by the `n` of their plain."""
    return {
        "1": client.write("note", {"a": "one"}, {"n": "1", "city": "Porto", "mood": "good"}),
        "2": client.write("note", {"a": "two"}, {"n": "2", "city": "Porto", "mood": "bad"}),
        "3": client.write("list", {"a": "three"}, {"n": "3", "city": "Braga", "good": "Porto"}),
    }


def created(record):
    return times.parse(record.meta.created)


def modified(record):
    return times.parse(record.meta.last_modified)


# Answers


def test_an_answer_has_all_members(search):
    body = search().json()
    assert isinstance(body.pop("search_id"), str)
    assert body == {"results": [], "last_index": 0, "total_results": 0}


def test_without_data_record_data_and_access_key_are_null(search, records):
    results = search(include_data=False).json()["results"]
    assert [(result["record_data"], result["access_key"]) for result in results] == [(None, None)] * len(records)


def test_with_data_the_key_is_what_the_key_endpoint_gives(call, client, search, records):
    own = client.client_id
    result = search(include_data=True).json()["results"][0]
    assert result["record_data"] == call("GET", f"/v1/storage/records/{records['1'].meta.record_id}").json()["data"]
    assert result["access_key"] == call("GET", f"/v1/storage/access_keys/{own}/{own}/{own}/note").json()


def test_the_client_decrypts_what_it_finds(client, records):
    page = client.search(Search(include_data=True))
    assert list(page) == list(records.values())


def test_the_client_decrypts_nothing_unless_asked(client, records):
    assert [record.data for record in client.search(Search())] == [{}] * len(records)


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


def test_a_page_that_ends_at_the_last_record_has_token_zero(client, records):
    page = client.search(Search(count=len(records)))
    assert (len(page), page.next_token, page.total_results) == (3, 0, 3)


@pytest.mark.parametrize("token", [3, 4, 9999])
@pytest.mark.usefixtures("records")
def test_past_the_end_there_is_nothing_but_the_total(search, token):
    body = search(next_token=token).json()
    assert (body["results"], body["last_index"], body["total_results"]) == ([], 0, 3)


@pytest.mark.usefixtures("records")
def test_the_same_token_gives_the_same_page(search):
    assert search(limit=2, next_token=1).content == search(limit=2, next_token=1).content


@pytest.mark.usefixtures("records")
def test_totals_count_what_matches_and_not_the_page(search):
    body = search(limit=1, match=[{"terms": {"content_types": ["note"]}}]).json()
    assert (len(body["results"]), body["total_results"]) == (1, 2)


def test_a_page_has_50_records_unless_asked(client, search):
    for _ in range(51):
        client.write("note", {})
    pages = [search(**given).json() for given in ({}, {"limit": 0}, {"limit": None})]
    assert [(len(page["results"]), page["last_index"], page["total_results"]) for page in pages] == [(50, 50, 51)] * 3


@pytest.mark.parametrize("limit", [1, 1000])
@pytest.mark.usefixtures("records")
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


# Terms


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({"record_types": ["note"]}, ["1", "2"]),
        ({"record_types": ["Note"]}, []),
        ({"record_types": ["not"]}, []),
        ({"record_types": ["note", "list"]}, ["1", "2", "3"]),
        ({"keys": ["mood"]}, ["1", "2"]),
        ({"keys": ["good"]}, ["3"]),
        ({"values": ["good"]}, ["1"]),
        ({"values": ["Porto"]}, ["1", "2", "3"]),
        ({"plain": {"city": "Porto"}}, ["1", "2"]),
        ({"plain": {"city": "porto"}}, []),
        ({"plain": {"city": "good"}}, []),
        ({"plain": {"city": "Braga", "mood": "good"}}, ["1", "3"]),
        ({"record_types": ["list"], "values": ["bad"]}, ["2", "3"]),
    ],
)
@pytest.mark.usefixtures("records")
def test_or_finds_what_fits_any_term(found, terms, names):
    assert found(Search().match(**terms)) == names


@pytest.mark.parametrize(
    ("terms", "names"),
    [
        ({"values": ["Porto", "good"]}, ["1"]),
        ({"values": ["Porto", "Braga"]}, ["3"]),
        ({"keys": ["city", "good"]}, ["3"]),
        ({"plain": {"city": "Porto", "mood": "bad"}}, ["2"]),
        ({"plain": {"city": "Porto"}, "record_types": ["list"]}, []),
        ({"record_types": ["note"], "keys": ["mood"], "values": ["good"], "plain": {"n": "1"}}, ["1"]),
        ({"record_types": ["note", "list"]}, []),
    ],
)
@pytest.mark.usefixtures("records")
def test_and_finds_what_fits_all_terms_of_all_lists(found, terms, names):
    assert found(Search().match(condition="AND", **terms)) == names


def test_a_search_by_record_id_finds_that_record(found, records):
    assert found(Search().match(records=[records["2"].meta.record_id])) == ["2"]


def test_a_search_for_two_record_ids_at_once_finds_nothing(found, records):
    both = [records[name].meta.record_id for name in "12"]
    assert found(Search().match(records=both)) == ["1", "2"]
    assert found(Search().match(condition="AND", records=both)) == []


@pytest.mark.usefixtures("records")
def test_a_search_by_writer_and_user_finds_own_records(client, found):
    own = Search().match(condition="AND", writers=[client.client_id], users=[client.client_id])
    assert found(own) == ["1", "2", "3"]
    assert found(Search().match(writers=[str(uuid4())], users=[str(uuid4())])) == []


@pytest.mark.usefixtures("records")
def test_several_matches_are_ored(found):
    assert found(Search().match(values=["bad"]).match(condition="AND", record_types=["list"], values=["Braga"])) == ["2", "3"]


@pytest.mark.usefixtures("records")
def test_exclude_wins_over_match(found):
    assert found(Search().match(record_types=["note"]).exclude(values=["good"])) == ["2"]


@pytest.mark.usefixtures("records")
def test_several_excludes_are_ored(found):
    assert found(Search().exclude(values=["good"]).exclude(record_types=["list"])) == ["2"]


@pytest.mark.usefixtures("records")
def test_exclude_with_and_leaves_out_only_what_fits_all_terms(found):
    assert found(Search().exclude(condition="AND", values=["Porto", "good"])) == ["2", "3"]


@pytest.mark.parametrize(
    "nothing", [None, [], [{}], [{"terms": None}], [{"terms": {}}], [{"terms": {"keys": [], "tags": {}, "values": None}}]]
)
@pytest.mark.usefixtures("records")
def test_an_empty_match_and_an_empty_exclude_restrict_nothing(raw_found, nothing):
    assert raw_found(match=nothing) == ["1", "2", "3"]
    assert raw_found(exclude=nothing) == ["1", "2", "3"]


@pytest.mark.usefixtures("records")
def test_an_empty_match_beside_another_is_dropped(found):
    assert found(Search().match().match(values=["bad"])) == ["2"]


@pytest.mark.parametrize("word", [None, ""])
@pytest.mark.usefixtures("records")
def test_condition_and_strategy_default_to_or_and_exact(raw_found, word):
    match = [{"condition": word, "strategy": word, "terms": {"values": ["bad", "Braga"]}}]
    assert raw_found(match=match) == ["2", "3"]


def test_tags_tell_key_and_value_apart(call, search, upload):
    call("POST", "/v1/storage/records", json=upload(plain={"a\0b": "c"}))
    totals = [search(match=[{"terms": {"tags": tags}}]).json()["total_results"] for tags in ({"a\0b": "c"}, {"a": "b\0c"})]
    assert totals == [1, 0]


@pytest.mark.usefixtures("records")
def test_a_plain_value_is_found_by_what_it_is_now(client, found, records):
    record = records["1"]
    record.meta.plain["mood"] = "fine"
    client.update(record)
    assert found(Search().match(values=["good"])) == []
    assert found(Search().match(values=["fine"])) == ["1"]


@pytest.mark.parametrize("member", ["match", "exclude"])
def test_a_long_list_of_matches_is_no_server_error(search, member):
    answer = search(**{member: [{"terms": {"values": [f"nothing {number}"]}} for number in range(1500)]})
    assert answer.status_code in {200, 400}


def test_more_terms_than_a_statement_can_hold_are_no_server_error(search):
    assert search(match=[{"terms": {"values": ["nothing"] * 300_000}}]).status_code in {200, 400}


@pytest.mark.parametrize("term", ["record_ids", "content_types", "keys", "values"])
@pytest.mark.parametrize("condition", ["OR", "AND"])
def test_a_long_list_of_terms_is_no_server_error(search, condition, term):
    answer = search(match=[{"condition": condition, "terms": {term: [f"nothing {number}" for number in range(1500)]}}])
    assert answer.status_code in {200, 400}


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


@pytest.mark.usefixtures("records")
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


# Ranges


@pytest.mark.parametrize("key", ["CREATED", "MODIFIED"])
def test_a_range_includes_its_start_and_excludes_its_end(found, records, key):
    start, end = created(records["1"]), created(records["3"])
    assert found(Search().range(key=key, start=start, end=end)) == ["1", "2"]
    assert found(Search().range(key=key, start=start + MICROSECOND, end=end + MICROSECOND)) == ["2", "3"]


@pytest.mark.parametrize("key", ["CREATED", "MODIFIED"])
def test_two_halves_of_a_range_share_no_record(found, records, key):
    middle = created(records["2"])
    assert found(Search().range(key=key, end=middle)) == ["1"]
    assert found(Search().range(key=key, start=middle)) == ["2", "3"]


def test_a_range_by_modified_goes_by_the_last_update(client, found, records):
    updated = client.update(records["1"])
    assert found(Search().range(key="MODIFIED", start=modified(updated))) == ["1"]
    assert found(Search().range(key="MODIFIED", end=modified(updated))) == ["2", "3"]


def test_a_range_by_created_ignores_updates(client, found, records):
    updated = client.update(records["1"])
    assert found(Search().range(key="CREATED", start=modified(updated))) == []
    assert found(Search().range(key="CREATED", end=created(records["2"]))) == ["1"]


@pytest.mark.parametrize("key", [None, ""])
def test_a_range_without_a_key_goes_by_created(client, raw_found, records, key):
    updated = client.update(records["1"])
    assert raw_found(range={"range_key": key, "before": updated.meta.last_modified}) == ["1", "2", "3"]


@pytest.mark.parametrize("unset", [None, "", ZERO, "0001-01-01T00:00:00.000000Z"])
def test_a_bound_that_is_not_set_is_open(raw_found, records, unset):
    middle = records["2"].meta.created
    assert raw_found(range={"after": unset, "before": unset}) == ["1", "2", "3"]
    assert raw_found(range={"after": middle, "before": unset}) == ["2", "3"]
    assert raw_found(range={"after": unset, "before": middle}) == ["1"]


def test_a_range_that_ends_at_or_before_its_start_finds_nothing(search, records):
    early, late = records["1"].meta.created, records["3"].meta.created
    for after, before in ((late, early), (early, early)):
        answer = search(range={"after": after, "before": before})
        assert (answer.status_code, answer.json()["results"], answer.json()["total_results"]) == (200, [], 0)


def test_bounds_are_compared_as_instants(raw_found, records):
    middle = created(records["2"])
    spellings = [
        (middle + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.%f+05:30"),
        (middle - timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S.%f-07:00"),
        middle.strftime("%Y-%m-%d %H:%M:%S.%f"),
        middle.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
    ]
    assert [raw_found(range={"after": text}) for text in spellings] == [["2", "3"]] * len(spellings)


def test_bounds_may_be_seconds(raw_found, records):
    second = int(created(records["1"]).timestamp())
    assert raw_found(range={"after": second, "before": second + 60}) == ["1", "2", "3"]
    assert raw_found(range={"before": second}) == []


@pytest.mark.parametrize("bound", [1e20, 2**64, 1e300, -1e300])
def test_a_bound_beyond_all_times_is_no_server_error(search, bound):
    assert search(range={"after": bound}).status_code in {200, 400}


def test_a_range_and_a_match_are_anded(found, records):
    assert found(Search().match(values=["Braga", "good"]).range(start=created(records["2"]))) == ["3"]


def test_times_at_the_ends_of_the_calendar_are_taken(raw_found, records):
    assert raw_found(range={"after": "1000-01-01T00:00:00Z", "before": "9999-12-31T23:59:59.999999Z"}) == list(records)


# Order


@pytest.mark.parametrize(
    "order", [None, {}, {"sort_order": None}, {"sort_order": ""}, {"sort_order": "ASCENDING"}, {"sortOrder": "ASCENDING"}]
)
@pytest.mark.usefixtures("records")
def test_the_order_is_ascending_unless_asked(raw_found, order):
    assert raw_found(order=order) == ["1", "2", "3"]


@pytest.mark.parametrize("spelling", ["sort_order", "sortOrder"])
@pytest.mark.usefixtures("records")
def test_the_order_may_be_descending_in_both_spellings(raw_found, spelling):
    assert raw_found(order={spelling: "DESCENDING"}) == ["3", "2", "1"]


@pytest.mark.usefixtures("records")
def test_the_client_finds_the_latest_first(found):
    assert found(Search(count=1).order("DESCENDING")) == ["3"]


def test_the_order_goes_by_the_time_of_the_range(client, found, records):
    client.update(records["1"])
    assert found(Search().range(key="CREATED")) == ["1", "2", "3"]
    assert found(Search().range(key="MODIFIED")) == ["2", "3", "1"]
    assert found(Search().range(key="MODIFIED").order("DESCENDING")) == ["1", "3", "2"]


@pytest.mark.usefixtures("records")
def test_pages_keep_to_a_descending_order(found):
    pages = [found(Search(count=2, next_token=token).order("DESCENDING")) for token in (0, 2)]
    assert pages == [["3", "2"], ["1"]]


def test_a_sealed_page_says_the_same_as_an_open_one(client, records):
    request = SearchRequest(
        limit=1,
        match=[Params(Terms(content_types=["note"]))],
        range=Range("MODIFIED", after=records["1"].meta.created),
        order=Order(java_sort_order="DESCENDING"),
    )
    page = client.search_page(request)
    assert [result.meta for result in page.results] == [records["2"].meta]
    assert (page.last_index, page.total_results) == (1, 2)


# Scope


@pytest.mark.parametrize("everyone", [True, False])
def test_records_of_others_are_never_found(client, stranger, records, everyone):
    ids = [record.meta.record_id for record in records.values()]
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
