"""The schema record."""

import pytest

from e3db_connectors.errors import ResponseInvalid
from e3db_connectors.sync import schemas
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


def test_a_schema_record_of_something_else_is_named(client):
    client.write("singer.schema.t", {"id": "1"})
    with pytest.raises(ResponseInvalid, match="holds no schemas"):
        schemas.load(client, "t")


def test_the_server_does_not_see_the_columns(client, server):
    schemas.remember(client, "t", {"a_very_private_column": INTEGER})
    assert b"a_very_private_column" not in server.stored()
