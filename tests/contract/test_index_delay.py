"""Searches that lag behind: membership, order and totals are of the past, the records are current."""

import pytest

SEARCH = "/v2/search"
RECORDS = "/v1/storage/records"
DELAY = 60


@pytest.fixture(scope="module")
def lagging(lagging_server):
    with lagging_server(DELAY) as started:
        yield started


@pytest.fixture
def client(lagging):
    with lagging.register() as made:
        yield made


@pytest.fixture
def write(call, upload):
    def run(**plain):
        return call("POST", RECORDS, json=upload({"n": "1"}, plain=plain)).json()["meta"]

    return run


@pytest.fixture
def search(call):
    """Totals, ids in order, and the next token of a search."""

    def run(**request):
        found = call("POST", SEARCH, json=request).json()
        return found["total_results"], [result["meta"]["record_id"] for result in found["results"]], found["last_index"]

    return run


def values(*wanted, strategy="EXACT"):
    return [{"strategy": strategy, "terms": {"values": list(wanted)}}]


@pytest.fixture
def settle(lagging):
    return lambda: lagging.clock.go_on(DELAY)


def test_a_new_record_is_found_later_but_queried_at_once(call, write, search, settle):
    record_id = write(k="v")["record_id"]
    assert search() == (0, [], 0)
    queried = call("POST", "/v1/storage/search", json={}).json()["results"]
    assert [result["meta"]["record_id"] for result in queried] == [record_id]
    settle()
    for match in ([], values("v"), values("v*", strategy="WILDCARD")):
        assert search(match=match) == (1, [record_id], 0)


def test_a_change_is_found_by_what_it_was(call, upload, write, search, settle):
    first, second = write(k="old"), write(k="other")
    settle()
    path = f"{RECORDS}/safe/{first['record_id']}/{first['version']}"
    changed = call("PUT", path, json=upload({"n": "2"}, plain={"k": "new"})).json()["meta"]
    modified = {"range_key": "MODIFIED"}
    for strategy in ("EXACT", "WILDCARD"):
        assert search(match=values("old", strategy=strategy)) == (1, [first["record_id"]], 0)
        assert search(match=values("new", strategy=strategy)) == (0, [], 0)
    assert search(range=modified) == (2, [first["record_id"], second["record_id"]], 0)
    assert search(range={**modified, "after": changed["last_modified"]}) == (0, [], 0)
    found = call("POST", SEARCH, json={"match": values("old"), "include_data": True}).json()["results"][0]
    assert (found["meta"]["version"], found["meta"]["plain"], found["record_data"]) == (changed["version"], {"k": "new"}, {"n": "2"})
    settle()
    assert search(match=values("old")) == (0, [], 0)
    assert search(match=values("new")) == (1, [first["record_id"]], 0)
    assert search(range=modified) == (2, [second["record_id"], first["record_id"]], 0)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_deleted_record_counts_but_is_missing(call, write, search, settle, bulk):
    records = [write(k=str(number)) for number in range(3)]
    ids = [record["record_id"] for record in records]
    settle()
    if bulk:
        call("DELETE", "/v2/storage/records/bulk/delete", json={"record_ids": ids[:1]})
    else:
        call("DELETE", f"{RECORDS}/safe/{ids[0]}/{records[0]['version']}")
    assert call("GET", f"{RECORDS}/{ids[0]}").status_code == 404
    assert search() == (3, ids[1:], 0)
    assert search(limit=2) == (3, [ids[1]], 2)
    assert search(limit=2, next_token=2) == (3, [ids[2]], 0)
    assert search(match=values("0")) == (1, [], 0)
    assert search(exclude=values("0")) == (2, ids[1:], 0)
    settle()
    assert search() == (2, ids[1:], 0)


def test_changes_in_a_row_show_one_state_each(call, upload, write, search, lagging):
    record = write(n="0")
    for number in range(1, 4):
        lagging.clock.go_on(DELAY / 3)
        path = f"{RECORDS}/safe/{record['record_id']}/{record['version']}"
        record = call("PUT", path, json=upload(plain={"n": str(number)})).json()["meta"]
    seen = []
    for moment in range(4):
        assert search()[0] == 1
        seen.append([number for number in range(4) if search(match=values(str(number)))[0]])
        if moment == 1:
            call("DELETE", f"{RECORDS}/safe/{record['record_id']}/{record['version']}")
        lagging.clock.go_on(DELAY / 3)
    assert seen == [[0], [1], [2], [3]]
    assert search() == (0, [], 0)


def test_a_revoke_does_not_lag(call_as, lagging, client, write, settle):
    with lagging.register() as reader:
        record_id = write(k="v")["record_id"]
        client.share("note", reader.client_id)
        settle()
        request = {"include_all_writers": True}
        calls = call_as(reader)
        assert [entry["meta"]["record_id"] for entry in calls("POST", SEARCH, json=request).json()["results"]] == [record_id]
        client.revoke("note", reader.client_id)
        assert calls("POST", SEARCH, json=request).json()["total_results"] == 0
