"""Finding records by what the server sees of them."""

from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.wire import times


def find(context, **options):
    return E3DBSearchOperator(task_id="find", **{"record_type": "t", **options}).execute(context)


def test_ids_and_versions_of_those_that_fit(connected, context):
    first, second = (connected.write("t", {"n": "1"}, {"shop": shop}).meta for shop in ("north", "south"))
    connected.write("other", {"n": "1"}, {"shop": "north"})
    assert find(context) == {
        "record_type": "t",
        "total": 2,
        "complete": True,
        "record_ids": [first.record_id, second.record_id],
        "versions": {first.record_id: first.version, second.record_id: second.version},
        "last_modified": second.last_modified,
    }
    assert find(context, plain={"shop": "south"})["record_ids"] == [second.record_id]
    assert find(context, plain={"shop": "south", "more": "x"})["record_ids"] == []
    assert find(context, limit=1)["record_ids"] == [first.record_id]
    assert find(context, limit=1) | {"record_ids": [], "versions": {}} == {
        "record_type": "t",
        "total": 2,
        "complete": False,
        "record_ids": [],
        "versions": {},
        "last_modified": first.last_modified,
    }


def test_a_half_open_window(connected, context):
    first, second = (connected.write("t", {"n": "1"}).meta for _ in range(2))
    start, end = (times.parse(meta.last_modified) for meta in (first, second))
    assert find(context, since=start, until=str(end))["record_ids"] == [first.record_id]
    assert find(context, since=str(end), until="None")["record_ids"] == [second.record_id]
    assert find(context, since="", until=start)["last_modified"] is None
    with pytest.raises(AirflowFailException, match="must be before"):
        find(context, since=end, until=end - timedelta(days=1))


def test_records_of_others(connected, stranger, context):
    own = connected.write("t", {"n": "1"}).meta.record_id
    theirs = stranger.write("t", {"n": "2"}).meta.record_id
    stranger.share("t", connected.client_id)
    assert find(context)["record_ids"] == [own]
    assert find(context, all_writers=True)["record_ids"] == [own, theirs]
    assert find(context, writers=stranger.client_id)["record_ids"] == [theirs]
    assert find(context, writers=[connected.client_id, stranger.client_id])["total"] == 2


@pytest.mark.parametrize("conn_id", [None, "", "None"])
def test_a_connection_that_renders_to_nothing_is_not_that_of_the_environment(conn_id, context):
    with pytest.raises(AirflowFailException, match="e3db_conn_id is empty"):
        find(context, e3db_conn_id=conn_id)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"since": "yesterday"}, "no time"),
        ({"plain": {"a": 1}}, "maps text to text"),
        ({"plain": ""}, "plain is empty"),
        ({"writers": ""}, "writers is empty"),
        ({"writers": "['a']"}, "no id"),
        ({"record_type": ""}, "record_type is empty"),
        ({"plain": "shop"}, "maps text to text"),
    ],
)
def test_what_cannot_be_meant_fails_at_once(options, words, context):
    with pytest.raises(AirflowFailException, match=words):
        find(context, **options)
