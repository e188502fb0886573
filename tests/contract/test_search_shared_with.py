"""The term `shared_with`: with whom records are shared, as far as the one who searches may know it."""

import pytest

SEARCH = "/v2/search"
DELAY = 60


@pytest.fixture(scope="module", params=["immediate", "lagging"])
def its_server(request, server, lagging_server):
    """A server whose index keeps up, and one whose does not."""
    if request.param == "immediate":
        yield server
        return
    with lagging_server(DELAY) as started:
        yield started


@pytest.fixture
def people(its_server):
    """A writer, and two readers of some of its types."""
    made = [its_server.register(name) for name in ("writer", "ann", "bob")]
    yield made
    for client in made:
        client.close()


@pytest.fixture
def ids(its_server, server, people):
    """Records of the writer by their types: for Ann, for Bob, for both, for nobody; and one of Ann's own that is shared with Bob."""
    writer, ann, bob = people
    for record_type, readers in (("for ann", [ann]), ("for bob", [bob]), ("for both", [ann, bob])):
        for reader in readers:
            writer.share(record_type, reader.client_id)
    ann.share("of ann", bob.client_id)
    written = {name: writer.write(name, {}).meta.record_id for name in ("for ann", "for bob", "for both", "for nobody")}
    written["of ann"] = ann.write("of ann", {}).meta.record_id
    if its_server is not server:
        its_server.clock.go_on(DELAY)
    return written


@pytest.fixture
def find(call_as, ids):
    """The types of what a client finds of all that it may read."""
    names = {record_id: name for name, record_id in ids.items()}

    def run(who, *, everyone=True, **params):
        answer = call_as(who)("POST", SEARCH, json={"include_all_writers": everyone, **params})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert found["total_results"] == len(found["results"])
        return {names[result["meta"]["record_id"]] for result in found["results"]}

    return run


def shared(*readers, **params):
    return {**params, "terms": {"shared_with": [getattr(reader, "client_id", reader) for reader in readers]}}


def test_the_writer_finds_what_it_shares_with_whom(people, find):
    writer, ann, bob = people
    assert find(writer, match=[shared(ann)]) == {"for ann", "for both"}
    assert find(writer, match=[shared(ann, bob)]) == {"for ann", "for bob", "for both"}
    assert find(writer, match=[shared(ann, bob, condition="AND")]) == {"for both"}
    assert find(writer, match=[shared(writer)]) == set()
    assert find(writer, exclude=[shared(bob)]) == {"for ann", "for nobody"}


def test_a_reader_finds_what_is_shared_with_itself_and_learns_of_nobody_else(people, find):
    _, ann, bob = people
    assert find(ann) == {"for ann", "for both", "of ann"}
    assert find(ann, match=[shared(ann)]) == {"for ann", "for both"}
    assert find(ann, match=[shared(bob)]) == {"of ann"}
    assert find(ann, match=[shared(ann, bob, condition="AND")]) == set()
    assert find(ann, exclude=[shared(bob)]) == {"for ann", "for both"}
    assert find(ann, everyone=False, match=[shared(ann)]) == set()
    assert find(ann, everyone=False, match=[shared(bob)]) == {"of ann"}


@pytest.mark.parametrize("strategy", ["WILDCARD", "REGEXP", "FUZZY"])
def test_patterns_match_ids_of_readers(people, find, strategy):
    writer, ann, bob = people
    patterns = {"WILDCARD": "{}*", "REGEXP": "{}.*", "FUZZY": "{}xx"}
    pattern_of = lambda reader: patterns[strategy].format(reader.client_id if strategy == "FUZZY" else reader.client_id[:8])  # noqa: E731
    assert find(writer, match=[shared(pattern_of(ann), strategy=strategy)]) == {"for ann", "for both"}
    assert find(writer, match=[shared(pattern_of(ann), pattern_of(bob), strategy=strategy, condition="AND")]) == {"for both"}
    assert find(ann, match=[shared(pattern_of(bob), strategy=strategy)]) == {"of ann"}
    assert find(bob, match=[shared(pattern_of(ann), strategy=strategy)]) == set()
    assert find(bob, match=[shared(pattern_of(bob), strategy=strategy)]) == {"for bob", "for both", "of ann"}


def test_it_combines_with_other_terms(people, find):
    writer, ann, _ = people
    both = {"shared_with": [ann.client_id], "content_types": ["for ann"]}
    assert find(writer, match=[{"condition": "AND", "terms": both}]) == {"for ann"}
    assert find(writer, match=[{"terms": {**both, "content_types": ["for nobody"]}}]) == {"for ann", "for both", "for nobody"}


def test_it_goes_by_the_shares_of_now(people, find):
    writer, ann, _ = people
    writer.revoke("for both", ann.client_id)
    assert find(writer, match=[shared(ann)]) == find(ann, match=[shared(ann)]) == {"for ann"}
    writer.share("for nobody", ann.client_id)
    assert find(writer, match=[shared(ann)]) == find(ann, match=[shared(ann)]) == {"for ann", "for nobody"}


def test_a_search_for_shared_records_alone_finds_no_others(people, find):
    writer, ann, _ = people
    assert find(writer, include_only_direct_shares=True) == {"for ann", "for bob", "for both"}
    assert find(ann, include_only_direct_shares=True) == {"for ann", "for both", "of ann"}
    assert find(writer, include_only_direct_shares=None) == {"for ann", "for bob", "for both", "for nobody"}


def test_an_authorizer_is_no_reader(people, find):
    writer, _, bob = people
    writer.add_authorizer("for nobody", bob.client_id)
    assert find(writer, match=[shared(bob)]) == {"for bob", "for both"}


@pytest.mark.parametrize("condition", ["OR", "AND"])
def test_a_long_list_of_readers_is_no_server_error(people, call_as, condition):
    terms = {"shared_with": [f"nobody {number}" for number in range(9_000)]}
    answer = call_as(people[0])("POST", SEARCH, json={"match": [{"condition": condition, "terms": terms}]})
    assert (answer.status_code, answer.json()["total_results"]) == (200, 0)
