"""Terms of the v2 search: how they are compared as they are, and how they combine."""

from uuid import uuid4

import pytest

from e3db_connectors import Search


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
@pytest.mark.usefixtures("three_records")
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
@pytest.mark.usefixtures("three_records")
def test_and_finds_what_fits_all_terms_of_all_lists(found, terms, names):
    assert found(Search().match(condition="AND", **terms)) == names


def test_a_search_by_record_id_finds_that_record(found, three_records):
    assert found(Search().match(records=[three_records["2"].meta.record_id])) == ["2"]


def test_a_search_for_two_record_ids_at_once_finds_nothing(found, three_records):
    both = [three_records[name].meta.record_id for name in "12"]
    assert found(Search().match(records=both)) == ["1", "2"]
    assert found(Search().match(condition="AND", records=both)) == []


@pytest.mark.usefixtures("three_records")
def test_a_search_by_writer_and_user_finds_own_records(client, found):
    own = Search().match(condition="AND", writers=[client.client_id], users=[client.client_id])
    assert found(own) == ["1", "2", "3"]
    assert found(Search().match(writers=[str(uuid4())], users=[str(uuid4())])) == []


@pytest.mark.usefixtures("three_records")
def test_several_matches_are_ored(found):
    assert found(Search().match(values=["bad"]).match(condition="AND", record_types=["list"], values=["Braga"])) == ["2", "3"]


@pytest.mark.usefixtures("three_records")
def test_exclude_wins_over_match(found):
    assert found(Search().match(record_types=["note"]).exclude(values=["good"])) == ["2"]


@pytest.mark.usefixtures("three_records")
def test_several_excludes_are_ored(found):
    assert found(Search().exclude(values=["good"]).exclude(record_types=["list"])) == ["2"]


@pytest.mark.usefixtures("three_records")
def test_exclude_with_and_leaves_out_only_what_fits_all_terms(found):
    assert found(Search().exclude(condition="AND", values=["Porto", "good"])) == ["2", "3"]


@pytest.mark.parametrize(
    "nothing", [None, [], [{}], [{"terms": None}], [{"terms": {}}], [{"terms": {"keys": [], "tags": {}, "values": None}}]]
)
@pytest.mark.usefixtures("three_records")
def test_an_empty_match_and_an_empty_exclude_restrict_nothing(raw_found, nothing):
    assert raw_found(match=nothing) == ["1", "2", "3"]
    assert raw_found(exclude=nothing) == ["1", "2", "3"]


@pytest.mark.usefixtures("three_records")
def test_an_empty_match_beside_another_is_dropped(found):
    assert found(Search().match().match(values=["bad"])) == ["2"]


@pytest.mark.parametrize("word", [None, ""])
@pytest.mark.usefixtures("three_records")
def test_condition_and_strategy_default_to_or_and_exact(raw_found, word):
    match = [{"condition": word, "strategy": word, "terms": {"values": ["bad", "Braga"]}}]
    assert raw_found(match=match) == ["2", "3"]


def test_tags_tell_key_and_value_apart(call, search, upload):
    call("POST", "/v1/storage/records", json=upload(plain={"a\0b": "c"}))
    totals = [search(match=[{"terms": {"tags": tags}}]).json()["total_results"] for tags in ({"a\0b": "c"}, {"a": "b\0c"})]
    assert totals == [1, 0]


@pytest.mark.parametrize(("strategy", "tags"), [("EXACT", {"a\0b": "c\0d"}), ("WILDCARD", {"a?b": "c*"}), ("FUZZY", {"a\0c": "x\0d"})])
def test_a_tag_with_a_character_that_no_database_keeps_is_found(call, search, upload, strategy, tags):
    call("POST", "/v1/storage/records", json=upload(plain={"a\0b": "c\0d"}))
    assert search(match=[{"strategy": strategy, "terms": {"tags": tags}}]).json()["total_results"] == 1


@pytest.mark.usefixtures("three_records")
def test_a_plain_value_is_found_by_what_it_is_now(client, found, three_records):
    record = three_records["1"]
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
