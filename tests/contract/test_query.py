"""The v1 query: filters, the plain language, and pages by index."""

from uuid import uuid4

import pytest

from e3db_connectors.wire.queries import any_of, eq

QUERY = "/v1/storage/search"
LARGEST = 2**63 - 1


@pytest.fixture
def query(call):
    """Run a raw query; its members by name."""
    return lambda **body: call("POST", QUERY, json=body)


@pytest.fixture
def ids(query):
    """The record ids that a raw query finds, in their order."""
    return lambda **body: [result["meta"]["record_id"] for result in query(**body).json()["results"]]


@pytest.fixture
def write(client):
    """Write a record with the given plain members; its id."""
    return lambda record_type="note", **plain: client.write(record_type, {"a": "b"}, plain).meta.record_id


@pytest.fixture
def people(write):
    """Ids of three records, by the name in their plain."""
    return {
        "ann": write(name="ann", city="Porto"),
        "bob": write(name="bob", city="Porto", eq="ual"),
        "cid": write(name="cid", city="Braga", **{"not": "known", "and": "so"}),
    }


@pytest.fixture
def names(client):
    """The names of the records that an expression finds through the client."""
    return lambda plain: [record.meta.plain["name"] for record in client.query_all(plain=plain, data=False)]


# Pages


def test_pages_follow_each_other_by_index(query, write):
    written = [write() for _ in range(5)]
    seen, after, sizes = [], 0, []
    while True:
        page = query(count=2, after_index=after).json()
        sizes.append(len(page["results"]))
        if not page["results"]:
            break
        assert page["last_index"] > after
        seen += [result["meta"]["record_id"] for result in page["results"]]
        after = page["last_index"]
    assert (seen, sizes) == (written, [2, 2, 1, 0])


def test_last_index_of_a_full_page_is_never_zero(query, write):
    write()
    assert query().json()["last_index"] > 0


@pytest.mark.parametrize("after", [0, 7, 10**9])
def test_an_empty_page_echoes_the_index_asked_for(query, after):
    assert query(after_index=after).json() == {"results": [], "last_index": after}


def test_an_index_as_float_is_taken(query, write):
    write()
    last = query().json()["last_index"]
    assert query(after_index=float(last)).json() == {"results": [], "last_index": last}


@pytest.mark.parametrize("after", [-1, -99, -0.5])
def test_a_negative_index_is_400_with_words(query, after):
    answer = query(after_index=after)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("after", [LARGEST, LARGEST + 1, 2**70, 1e30])
def test_an_index_beyond_all_records_finds_nothing_or_is_refused(query, write, after):
    write()
    answer = query(after_index=after)
    assert answer.status_code in {200, 400}
    assert not answer.json().get("results")


@pytest.mark.parametrize("count", [None, 0])
def test_a_page_has_50_records_unless_asked(query, write, count):
    for _ in range(51):
        write()
    assert len(query().json()["results"]) == 50
    assert len(query(count=count).json()["results"]) == 50


def test_a_negative_count_is_400(query):
    assert query(count=-1).status_code == 400


def test_the_index_of_a_deleted_record_is_not_given_again(client, query, ids, write):
    gone = client.write("note", {})
    last = query().json()["last_index"]
    client.delete(gone.meta.record_id, gone.meta.version)
    written = write()
    assert ids(after_index=last) == [written]


def test_an_update_keeps_the_place_in_the_order(client, ids):
    first, second = client.write("note", {"a": "1"}), client.write("note", {"a": "2"})
    client.update(first)
    assert ids() == [first.meta.record_id, second.meta.record_id]


def test_the_client_walks_through_all_pages(client, write):
    written = [write() for _ in range(5)]
    found = list(client.query_all(page_size=2))
    assert [record.meta.record_id for record in found] == written
    assert [record.data for record in found] == [{"a": "b"}] * 5


def test_results_are_consistent_at_once(client, ids):
    record = client.write("note", {})
    assert ids() == [record.meta.record_id]
    client.delete(record.meta.record_id, record.meta.version)
    assert ids() == []


# Data and keys


@pytest.mark.parametrize("given", [{}, {"include_data": False}, {"include_data": None}])
def test_without_data_record_data_and_access_key_are_null(query, write, given):
    write()
    result = query(**given).json()["results"][0]
    assert (result["record_data"], result["access_key"]) == (None, None)


def test_with_data_the_key_is_what_the_key_endpoint_gives(call, client, query, write):
    own = client.client_id
    written = write()
    result = query(include_data=True).json()["results"][0]
    assert result["record_data"] == call("GET", f"/v1/storage/records/{written}").json()["data"]
    assert result["access_key"] == call("GET", f"/v1/storage/access_keys/{own}/{own}/{own}/note").json()


def test_a_record_without_data_gives_an_empty_object(call, query, upload):
    call("POST", "/v1/storage/records", json=upload())
    result = query(include_data=True).json()["results"][0]
    assert (result["record_data"], result["access_key"]) == ({}, None)


def test_a_page_of_records_of_1000_types_comes_with_data(call, query, upload):
    for number in range(1000):
        assert call("POST", "/v1/storage/records", json=upload(type=f"type-{number}")).status_code == 201
    answer = query(count=1000, include_data=True)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 1000


# Filters


def test_a_query_by_type_is_exact(ids, write):
    wanted = [write("note"), write("note a")]
    write("Note")
    assert ids(content_types=["note", "note a"]) == wanted


def test_a_query_by_record_ids_finds_those(ids, people):
    assert ids(record_ids=[people["cid"], people["ann"]]) == [people["ann"], people["cid"]]


def test_a_query_by_unknown_record_id_finds_nothing(ids, people):
    assert people
    assert ids(record_ids=[str(uuid4())]) == []


def test_a_query_by_own_writer_and_user_finds_everything(client, ids, people):
    assert ids(writer_ids=[client.client_id], user_ids=[client.client_id]) == list(people.values())


def test_filters_are_anded(ids, people):
    assert ids(record_ids=[people["ann"]], content_types=["other"]) == []


@pytest.mark.parametrize("nothing", [[], None])
def test_an_empty_filter_filters_nothing(ids, people, nothing):
    found = ids(writer_ids=nothing, user_ids=nothing, record_ids=nothing, content_types=nothing, plain=nothing or None)
    assert found == list(people.values())


def test_all_members_may_be_null_or_unknown(query, people):
    members = ["count", "after_index", "include_data", "plain", "include_all_writers", "writer_ids", "colour"]
    assert len(query(**dict.fromkeys(members)).json()["results"]) == len(people)


@pytest.mark.parametrize("everyone", [True, False])
def test_records_of_others_are_never_found(call_as, client, stranger, people, everyone):
    body = {"include_all_writers": everyone, "writer_ids": [client.client_id]}
    call = call_as(stranger)
    assert call("POST", QUERY, json=body).json()["results"] == []
    assert call("POST", QUERY, json={"include_all_writers": everyone, "record_ids": [people["ann"]]}).json()["results"] == []
    assert call("POST", QUERY, json={"include_all_writers": everyone}).json()["results"] == []


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'"x"', b'{"count": "many"}', b'{"record_ids": "x"}', b'{"record_ids": [1]}', b'{"plain": []}']
)
def test_a_malformed_query_is_400(call, body):
    answer = call("POST", QUERY, data=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


# The plain language


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (eq("city", "Porto"), ["ann", "bob"]),
        (eq("city", "porto"), []),
        (eq("city", "Port"), []),
        (eq("name", "Porto"), []),
        ({"and": [eq("city", "Porto"), eq("name", "bob")]}, ["bob"]),
        ({"and": [eq("name", "ann"), eq("name", "bob")]}, []),
        ({"and": []}, ["ann", "bob", "cid"]),
        ({"or": [eq("name", "ann"), eq("city", "Braga")]}, ["ann", "cid"]),
        ({"or": []}, []),
        (any_of([eq("name", "ann")]), ["ann"]),
        (any_of([eq("name", "ann"), eq("name", "cid")]), ["ann", "cid"]),
        ({"not": eq("city", "Porto")}, ["cid"]),
        ({"not": {"not": eq("city", "Porto")}}, ["ann", "bob"]),
        ({"and": [{"or": [eq("name", "ann"), eq("name", "cid")]}, {"not": eq("city", "Porto")}]}, ["cid"]),
        ({"or": [{"not": eq("city", "Porto")}, eq("name", "ann")]}, ["ann", "cid"]),
        ({"city": "Porto"}, ["ann", "bob"]),
        ({"city": "Porto", "name": "bob"}, ["bob"]),
        ({"city": "Porto", "name": "cid"}, []),
        ({"or": [{"name": "ann"}, eq("name", "cid")]}, ["ann", "cid"]),
        ({"not": "known"}, ["cid"]),
        ({"or": [{"eq": "ual"}, {"and": "so"}]}, ["bob", "cid"]),
        ({}, ["ann", "bob", "cid"]),
    ],
)
@pytest.mark.usefixtures("people")
def test_an_expression_finds(names, expression, found):
    assert names(expression) == found


@pytest.mark.parametrize(
    "expression",
    [
        {"like": {"name": "a", "value": "b"}},
        {"eq": {"name": "a"}},
        {"eq": {"name": "a", "value": 1}},
        {"eq": {}},
        {"eq": []},
        {"and": {}},
        {"and": ["x"]},
        {"or": [None]},
        {"or": [{"eq": 7}]},
        {"not": []},
        {"not": {"like": {}}},
        {"a": "b", "c": {}},
        {"a": 1},
        {"a": None},
        {"eq": {"name": "a", "value": "b"}, "and": []},
    ],
)
def test_an_unknown_expression_is_400_with_words(query, expression):
    answer = query(plain=expression)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_eq_tells_name_and_value_apart(call, ids, upload):
    written = call("POST", "/v1/storage/records", json=upload(plain={"a\0b": "c"})).json()["meta"]["record_id"]
    assert ids(plain=eq("a\0b", "c")) == [written]
    assert ids(plain=eq("a", "b\0c")) == []


def test_a_plain_value_is_found_by_what_it_is_now(client, names):
    record = client.write("note", {}, {"name": "old"})
    record.meta.plain["name"] = "new"
    client.update(record)
    assert (names(eq("name", "old")), names(eq("name", "new"))) == ([], ["new"])


def test_thousands_of_equalities_are_one_query(query, people):
    expressions = [eq("name", f"nobody {number}") for number in range(5000)]
    found = query(plain=any_of([*expressions, eq("name", "bob")])).json()["results"]
    assert [result["meta"]["record_id"] for result in found] == [people["bob"]]


@pytest.mark.parametrize(
    "expression",
    [
        {"or": [{"not": eq("a", str(number))} for number in range(1500)]},
        {"and": [eq("a", str(number)) for number in range(1500)]},
        {str(number): "x" for number in range(1500)},
        {"or": [{"or": [{"a": str(number)} for number in range(50)]}] * 50},
    ],
    ids=["or", "and", "map", "tree"],
)
def test_a_long_expression_is_no_server_error(query, expression):
    assert query(plain=expression).status_code in {200, 400}


def test_more_ids_than_a_statement_can_hold_are_no_server_error(query):
    assert query(record_ids=["nothing"] * 300_000).status_code in {200, 400}


def test_a_deep_expression_is_no_server_error(query):
    expression = eq("a", "b")
    for _ in range(200):
        expression = {"not": {"and": [eq("c", "d"), expression]}}
    assert query(plain=expression).status_code in {200, 400}
