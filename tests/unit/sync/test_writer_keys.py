"""The secret of the keys: a wrong one is refused, and a new one takes over row by row."""

from decimal import Decimal

import pytest

from e3db_connectors import Record
from e3db_connectors.crypto import blind_index, encoding
from e3db_connectors.errors import ConfigError, UsageError, WrongKeySecret
from e3db_connectors.sync import schemas
from e3db_connectors.sync.keys import ROW_KEY, RowKeys
from e3db_connectors.sync.writing import WriteOptions, open_writer, rotation

OLD, NEW = encoding.encode(bytes(range(32))), encoding.encode(bytes(range(32, 64)))
ROWS = [{"id": number, "name": "a"} for number in range(5)]


def kids(items):
    """The secrets that the stored rows are keyed with, and those that the schema record names."""
    rows = {record.meta.plain[ROW_KEY].split(".")[1] for record in items.records()}
    return rows, set(schemas.load_own(items.client, "items").kids)


def kid(items, secret):
    return items.writer(**secret)._keys.kids[0]


@pytest.mark.parametrize(("first", "then"), [(OLD, NEW), (None, NEW), (OLD, None)], ids=["both set", "was derived", "now derived"])
def test_rows_that_another_secret_keys_are_not_written_a_second_time(first, then, items):
    items.writer(key_secret=first).write(ROWS)
    with pytest.raises(WrongKeySecret, match="there are rows of it") as caught:
        items.writer(key_secret=then)
    assert (first or "x" * 9) not in str(caught.value)
    assert (then or "x" * 9) not in str(caught.value)
    assert len(items.records()) == 5
    items.writer(key_secret=first).write(ROWS)
    assert len(items.records()) == 5


def test_a_schema_record_that_does_not_name_the_secret_is_not_trusted(items):
    """An older version's, or one that was deleted: then the rows are asked."""
    items.writer(key_secret=OLD).write(ROWS)
    for record in items.client.query_all(record_type="singer.schema.items"):
        items.client.delete(record.meta.record_id)
    with pytest.raises(WrongKeySecret):
        items.writer(key_secret=NEW)
    items.writer(key_secret=OLD)


def test_the_check_costs_no_request_once_it_is_known(items, monkeypatch):
    items.writer().write(ROWS)

    def scan(*_):
        raise AssertionError

    monkeypatch.setattr(rotation, "_kids_in_use", scan)
    items.writer()


def test_rows_without_keys_are_nobodys(items):
    items.writer(keys=()).write(ROWS)
    items.writer(key_secret=OLD).write(ROWS)
    assert len(items.records()) == 10


def test_a_secret_without_rows_does_not_stand_in_the_way(items):
    items.writer(key_secret=OLD)
    items.writer(key_secret=NEW).write(ROWS)
    assert len(schemas.load_own(items.client, "items").kids) == 1
    with pytest.raises(WrongKeySecret):
        items.writer(key_secret=OLD)


def test_two_that_begin_at_the_same_time_with_two_secrets_do_not_both_write(items, twin, monkeypatch):
    original, begun = rotation.admit, []

    def admit(client, *arguments):
        original(client, *arguments)
        if not begun:
            begun.append(True)
            begun.append(items.writer(twin, key_secret=NEW))

    monkeypatch.setattr(rotation, "admit", admit)
    with pytest.raises(WrongKeySecret, match="another process"):
        items.writer(key_secret=OLD)
    monkeypatch.undo()
    begun[1].write(ROWS)
    items.writer(key_secret=NEW).write(ROWS)
    assert len(items.records()) == 5


def test_rows_move_to_a_new_secret_as_they_are_written(items, outcomes):
    items.writer(key_secret=OLD).write(ROWS)
    rotating = items.writer(key_secret=NEW, key_secret_previous=OLD)
    assert outcomes(rotating.write(ROWS[:2])) == ["updated"] * 2
    assert outcomes(rotating.write(ROWS[:3])) == ["unchanged", "unchanged", "updated"]
    in_rows, named = kids(items)
    assert len(in_rows) == 2
    assert in_rows == named
    assert len(items.records()) == 5

    with pytest.raises(WrongKeySecret):
        items.writer(key_secret=NEW)  # two rows are still to be moved
    items.writer(key_secret=NEW, key_secret_previous=OLD).write(ROWS)
    items.writer(key_secret=NEW).write(ROWS)
    in_rows, named = kids(items)
    assert len(in_rows) == 1
    assert in_rows == named
    assert len(items.records()) == 5


@pytest.mark.parametrize(
    ("before", "after"), [({}, {"key_secret": NEW, "key_secret_previous": "derived"}), ({"key_secret": OLD}, {"key_secret_previous": OLD})]
)
def test_the_derived_secret_can_be_left_and_taken_up(before, after, items, outcomes):
    items.writer(**before).write(ROWS)
    assert outcomes(items.writer(**after).write(ROWS)) == ["updated"] * 5
    assert len(kids(items)[0]) == 1
    assert len(items.records()) == 5


def test_a_row_under_both_secrets_becomes_one(items, outcomes):
    items.writer(key_secret=OLD).write(ROWS[:1])
    [record] = items.records()
    rotating = items.writer(key_secret=NEW, key_secret_previous=OLD)
    items.client.write("items", {"id": "0", "name": "b"}, {**record.meta.plain, ROW_KEY: rotating._keys.of({"id": "0"}).index})
    assert outcomes(rotating.write([{"id": 0, "name": "new"}])) == ["updated"]
    assert items.stored() == [{"id": "0", "name": "new"}]


@pytest.mark.parametrize(
    "options",
    [
        {"key_secret": "short"},
        {"key_secret": OLD, "key_secret_previous": OLD},
        {"key_secret_previous": "derived"},
        {"key_secret": OLD, "key_secret_previous": "???"},
    ],
)
def test_secrets_that_make_no_sense_are_refused(options, items):
    with pytest.raises(ConfigError):
        items.writer(**options)


def test_secrets_do_not_show():
    options = WriteOptions(key_secret=OLD, key_secret_previous=NEW)
    assert OLD not in repr(options)
    assert NEW not in repr(options)


def test_the_schemas_of_a_type_stay_when_its_secret_changes(items):
    items.writer(key_secret=OLD).write(ROWS)
    before = schemas.load(items.client, "items").numbered
    items.writer(key_secret=NEW, key_secret_previous=OLD, columns={"id": {"type": "integer"}}).write(ROWS)
    items.writer(key_secret=NEW, columns={"id": {"type": "integer"}})
    after = schemas.load(items.client, "items").numbered
    assert len(after) == 2
    assert before.items() <= after.items()


def test_of_two_schema_records_none_keeps_a_secret_that_is_settled(items):
    items.writer(key_secret=OLD)
    [record] = items.client.query_all(record_type="singer.schema.items")
    items.client.write("singer.schema.items", record.data, record.meta.plain)
    items.client.update(Record(record.meta, record.data))
    items.writer(key_secret=NEW)
    assert len(schemas.load_own(items.client, "items").kids) == 1


@pytest.mark.parametrize("same", ["1.0", "1.00", "1e0", "10E-1"])
def test_a_whole_number_is_one_key_however_it_is_written(same, items, outcomes):
    writer = items.writer()
    assert outcomes(writer.write([{"id": 1, "name": "a"}])) == ["created"]
    assert outcomes(writer.write([{"id": Decimal(same), "name": "b"}])) == ["updated"]
    assert outcomes(writer.write([{"id": 10, "name": "b"}])) == ["created"]
    assert outcomes(writer.delete([{"id": Decimal(same)}])) == ["deleted"]


def test_a_record_that_is_keyed_with_the_text_as_it_was_is_found(items, outcomes):
    writer = items.writer()
    index = RowKeys(blind_index.derive_key(items.client.private_key_bytes), "items", ["id"]).of({"id": "1.0"}).index
    items.client.write("items", {"id": "1.0", "name": "a"}, {ROW_KEY: index})
    assert outcomes(writer.write([{"id": Decimal("1.0"), "name": "b"}])) == ["updated"]
    assert outcomes(writer.write([{"id": 1, "name": "c"}])) == ["updated"]
    assert items.stored() == [{"id": "1", "name": "c"}]


@pytest.mark.parametrize(("schema", "text"), [({"type": "integer"}, "1"), ({"type": "number"}, "1.0"), ({"type": "string"}, "1.0")])
def test_only_keys_of_integer_columns_are_read_as_numbers(schema, text, client):
    columns = {"id": schema}
    index = open_writer(client, "t", columns, ["id"])._keys.of({"id": "1.0"}).index
    assert index == RowKeys(blind_index.derive_key(client.private_key_bytes), "t", ["id"]).of({"id": text}).index


@pytest.mark.parametrize(
    ("keys", "options"),
    [("id", {}), (["id"], {"plain_columns": "name"}), (["id"], {"share_with": "0" * 32}), (["id"], {"share_with": [1]})],
)
def test_a_text_where_several_belong_is_refused(keys, options, items):
    with pytest.raises(UsageError):
        items.writer(keys=keys, **options)


def test_columns_without_a_schema_are_refused(items):
    with pytest.raises(UsageError, match="column 'id': its schema has a wrong anyOf"):
        items.writer(columns={"id": {"anyOf": 5}})
