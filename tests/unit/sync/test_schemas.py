"""The schema record."""

import pytest

from e3db_connectors.sync import Tuning, read_pages, schemas
from e3db_connectors.sync.values import TEXT

INTEGER, NUMBER = {"type": ["integer", "null"]}, {"type": ["number", "null"]}


def records(client):
    return list(client.query_all(record_type="singer.schema.t"))


def test_a_schema_is_remembered_once_and_in_the_order_of_its_columns(client):
    schemas.remember(client, "t", {"z": INTEGER, "a": NUMBER})
    schemas.remember(client, "t", {"a": NUMBER, "z": INTEGER})
    assert list(schemas.load(client, "t").united()) == ["z", "a"]
    assert [len(record.data) for record in records(client)] == [1]


def test_a_changed_schema_is_added_and_the_old_one_stays(client):
    old, new = {"a": INTEGER}, {"a": INTEGER, "b": NUMBER}
    schemas.remember(client, "t", old)
    known = schemas.remember(client, "t", new)
    assert known.numbered == schemas.load(client, "t").numbered == {schemas.number_of(old): old, schemas.number_of(new): new}
    assert len(records(client)) == 1


def test_two_schema_records_of_one_writer_say_no_less_than_one(client):
    """Two processes that start at the same time may both make one."""
    client.write("singer.schema.t", {"11111111": '{"a":{"type":"integer"}}'})
    client.write("singer.schema.t", {"22222222": '{"b":{"type":"number"}}'})
    assert schemas.load(client, "t").united() == {"a": {"type": "integer"}, "b": {"type": "number"}}


def test_a_column_of_two_kinds_reads_as_text_and_warns(client, caplog):
    schemas.remember(client, "t", {"a": INTEGER})
    schemas.remember(client, "t", {"a": {"type": "object"}})
    assert schemas.load(client, "t").united() == {"a": TEXT}
    assert "column a of t" in caplog.text


def test_a_schema_that_says_the_same_in_other_words_is_no_conflict(client, caplog):
    schemas.remember(client, "t", {"a": {"type": "integer"}})
    known = schemas.remember(client, "t", {"a": {"type": ["null", "integer"], "description": "a number"}})
    assert len(known.numbered) == 1
    assert not caplog.text


def test_types_have_schema_records_of_their_own(client):
    schemas.remember(client, "t", {"a": INTEGER})
    assert schemas.load(client, "other").united() == {}


HOSTILE = {
    "a number": '{"a":{"type":5}}',
    "a list in a list": '{"a":{"type":["string",["x"]]}}',
    "a type that there is not": '{"a":{"type":"banana"}}',
    "a choice of nothing": '{"a":{"anyOf":5}}',
    "a choice of something else": '{"a":{"oneOf":[{"type":"null"},5]}}',
    "properties that are none": '{"a":{"properties":{"b":{"properties":[]}}}}',
    "a reference that leads elsewhere": '{"a":{"items":{"$ref":"http://127.0.0.1/x"}}}',
    "half a character": '{"a\\ud800":{"type":"integer"}}',
    "no schema": '{"a":7}',
    "no columns": "1",
    "no JSON": "hello",
    "a number that JSON does not have": '{"a":{"default":NaN}}',
    "deep": '{"a":' + '{"items":' * 100 + "{}" + "}" * 101,
    "deeper than Python goes": '{"a":' + '{"items":' * 100_000 + "{}" + "}" * 100_001,
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_schema_record_that_holds_something_else_is_left_out(case, client, caplog):
    """Everybody who shares the type can write one."""
    schemas.remember(client, "t", {"b": INTEGER})
    bad = client.write("singer.schema.t", {"00000000": HOSTILE[case]})
    assert schemas.load(client, "t").united() == {"b": INTEGER}
    assert f"schema record {bad.meta.record_id} of writer {client.client_id} is left out" in caplog.text


def test_a_schema_record_that_does_not_open_is_left_out(client, damage, caplog):
    schemas.remember(client, "t", {"b": INTEGER})
    bad = client.write("singer.schema.t", {"00000000": '{"a":{"type":"integer"}}'})
    damage(bad.meta.record_id)
    assert schemas.load(client, "t").united() == {"b": INTEGER}
    assert "it does not open (" in caplog.text


def test_what_another_writer_stores_as_a_schema_does_not_stop_a_reader(client, stranger):
    for record_type, data in (("t", {"a": "x"}), ("singer.schema.t", {"00000000": HOSTILE["a number"]})):
        stranger.write(record_type, data)
        stranger.share(record_type, client.client_id)
    (row,) = (row for page in read_pages(client, "t", all_writers=True, tuning=Tuning(settle_seconds=0)) for row in page.rows)
    assert row["a"] == "x"


def test_the_server_does_not_see_the_columns(client, server):
    schemas.remember(client, "t", {"a_very_private_column": INTEGER})
    assert b"a_very_private_column" not in server.stored()
