"""Columns that stay in clear beside their sealed text, and rows without a schema record."""

import pytest

from e3db_connectors.errors import ConfigError, WrongKeySecret
from e3db_connectors.sync.schemas import SCHEMA_NUMBER
from e3db_connectors.wire.queries import QueryRequest, eq

OTHER_SECRET = "x" * 43


def found(client, **plain):
    [(name, text)] = plain.items()
    pages = client.query_pages(QueryRequest(content_types=["items"], plain=eq(name, text)))
    return [result.meta.record_id for page in pages for result in page]


def clear(record):
    return {name: text for name, text in record.meta.plain.items() if not name.startswith("_e3db_")}


def test_a_plain_column_can_be_searched_and_is_sealed_as_well(items):
    items.writer(plain_columns=["name"]).write([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    by_name = {record.data["name"]: record for record in items.records()}
    assert found(items.client, name="b") == [by_name["b"].meta.record_id]
    assert clear(by_name["a"]) == {"name": "a"}


def test_rows_without_a_key_have_plain_columns_too(items):
    items.writer(keys=(), plain_columns=["name"]).write([{"id": 1, "name": "a"}])
    assert [clear(record) for record in items.records()] == [{"name": "a"}]


def test_a_plain_column_follows_its_row_and_goes_with_a_null(items, outcomes):
    writer = items.writer(plain_columns=["name"])
    writer.write([{"id": 1, "name": "a"}])
    assert outcomes(writer.write([{"id": 1, "name": "a"}])) == ["unchanged"]
    writer.write([{"id": 1, "name": "b"}])
    assert [clear(record) for record in items.records()] == [{"name": "b"}]
    writer.write([{"id": 1, "name": None}])
    assert [clear(record) for record in items.records()] == [{}]


def test_what_was_written_sealed_alone_becomes_searchable_when_it_is_written_again(items, outcomes):
    items.writer().write([{"id": 1, "name": "a"}])
    assert outcomes(items.writer(plain_columns=["name"]).write([{"id": 1, "name": "a"}])) == ["updated"]
    assert len(found(items.client, name="a")) == 1


def test_others_plain_members_stay(items):
    items.plant(1, "old", tag="theirs")
    items.writer(plain_columns=["name"]).write([{"id": 1, "name": "new"}])
    assert [clear(record) for record in items.records()] == [{"tag": "theirs", "name": "new"}]


def test_the_connectors_own_members_are_no_columns(items):
    with pytest.raises(ConfigError, match="_E3DB_key cannot stay in clear"):
        items.writer(columns={"id": {"type": "integer"}, "_E3DB_key": {"type": "string"}}, plain_columns=["_E3DB_key"])


def schema_records(client):
    return list(client.query_all(record_type="singer.schema.items", data=False))


def test_without_a_schema_record_rows_are_found_again_all_the_same(items, outcomes):
    items.writer(store_schema=False).write([{"id": 1, "name": "a"}])
    assert outcomes(items.writer(store_schema=False).write([{"id": 1, "name": "a"}])) == ["unchanged"]
    assert schema_records(items.client) == []


def test_without_a_schema_record_another_secret_is_refused(items):
    items.writer(store_schema=False).write([{"id": 1, "name": "a"}])
    with pytest.raises(WrongKeySecret):
        items.writer(store_schema=False, key_secret=OTHER_SECRET)


def test_a_schema_record_that_is_there_is_kept_true(items):
    items.writer().write([{"id": 1, "name": "a"}])
    items.writer(columns={"id": {"type": "integer"}, "name": {"type": "boolean"}}, store_schema=False).write([{"id": 2, "name": True}])
    [schema] = items.client.query_all(record_type="singer.schema.items")
    assert {record.meta.plain[SCHEMA_NUMBER] for record in items.records()} == set(schema.data)
