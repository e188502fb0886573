"""Keyed writes against a real server."""

import msgspec
import pytest

from e3db_connectors import errors
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.sync.writing import WriteOptions, open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}, "price": {"type": ["number", "null"]}}


@pytest.fixture
def writer(client):
    return new_writer(client)


def new_writer(client, columns=COLUMNS, **options):
    return open_writer(client, "items", columns, ["id"], options=WriteOptions(**options))


def counts(writer):
    return {outcome: count for outcome, count in writer.counts.items() if count}


def stored(client):
    return sorted((record.data for record in client.query_all(record_type="items")), key=str)


def test_rows_become_records_and_nulls_are_left_out(client, writer):
    writer.write([{"id": 1, "name": "a", "price": None}, {"id": 2, "name": "", "price": 1.5}])
    assert stored(client) == [{"id": "1", "name": "a"}, {"id": "2", "name": "", "price": "1.5"}]
    assert counts(writer) == {"created": 2}


def test_writing_again_changes_nothing(client, writer):
    rows = [{"id": number, "name": "a"} for number in range(20)]
    writer.write(rows)
    before = {record.meta.record_id: record.meta.version for record in client.query_all(record_type="items", data=False)}
    again = new_writer(client)
    again.write(rows)
    assert counts(again) == {"unchanged": 20}
    assert before == {record.meta.record_id: record.meta.version for record in client.query_all(record_type="items", data=False)}


def test_a_changed_row_updates_its_record(client, writer):
    writer.write([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}])
    writer.write([{"id": 1, "name": "changed"}, {"id": 2, "name": "b"}])
    assert stored(client) == [{"id": "1", "name": "changed"}, {"id": "2", "name": "b"}]
    assert writer.counts["updated"] == writer.counts["unchanged"] == 1


def test_the_last_of_several_rows_with_one_key_counts(client, writer):
    writer.write([{"id": 1, "name": "first"}, {"id": 1, "name": "last"}])
    assert stored(client) == [{"id": "1", "name": "last"}]


def test_more_rows_than_one_look_up_takes(client, writer):
    rows = [{"id": number, "name": str(number)} for number in range(600)]
    writer.write(rows)
    writer.write(rows)
    assert counts(writer) == {"created": 600, "unchanged": 600}
    assert len(stored(client)) == 600


def test_a_new_column_does_not_rewrite_rows_that_lack_it(client, writer):
    writer.write([{"id": 1, "name": "a"}])
    newer = new_writer(client, {**COLUMNS, "more": {"type": ["string", "null"]}})
    newer.write([{"id": 1, "name": "a", "more": None}])
    assert newer.counts["unchanged"] == 1


def test_a_column_that_changed_its_kind_is_written_again(client, writer):
    writer.write([{"id": 1, "name": "7"}])
    newer = new_writer(client, {**COLUMNS, "name": {"type": ["integer", "null"]}})
    newer.write([{"id": 1, "name": 7}])
    assert newer.counts["updated"] == 1


def test_plain_members_of_other_programs_stay(client, writer):
    writer.write([{"id": 1, "name": "a"}])
    [record] = client.query_all(record_type="items")
    theirs = msgspec.structs.replace(record.meta, plain={**record.meta.plain, "theirs": "x"})
    client.update(type(record)(theirs, record.data))
    writer.write([{"id": 1, "name": "b"}])
    assert next(client.query_all(record_type="items", data=False)).meta.plain["theirs"] == "x"


def test_a_column_outside_the_schema_is_left_out_with_a_warning(client, writer, caplog):
    writer.write([{"id": 1, "stray": "x"}, {"id": 2, "stray": "y"}])
    assert stored(client) == [{"id": "1"}, {"id": "2"}]
    assert caplog.text.count("column stray of items") == 1


def test_a_record_that_is_deleted_meanwhile_is_created_again(client, writer, monkeypatch):
    writer.write([{"id": 1, "name": "a"}])
    original, met = client.update, []

    def update(record):
        if not met:
            met.append(record)
            client.delete(record.meta.record_id, record.meta.version)
        return original(record)

    monkeypatch.setattr(client, "update", update)
    writer.write([{"id": 1, "name": "b"}])
    assert stored(client) == [{"id": "1", "name": "b"}]


def test_the_server_sees_no_key(client, writer):
    writer.write([{"id": 424242}])
    plain = next(client.query_all(record_type="items", data=False)).meta.plain
    assert plain[ROW_KEY].startswith("1.")
    assert "424242" not in str(plain)


def test_a_row_without_its_key_is_refused(writer):
    with pytest.raises(errors.UsageError, match="no value in its key column id"):
        writer.write([{"id": None, "name": "a"}])


def test_rows_without_keys_are_appended(client):
    appender = open_writer(client, "items", COLUMNS)
    appender.write([{"id": 1}, {"id": 1}])
    assert len(stored(client)) == 2


@pytest.mark.parametrize("happened", [True, False])
def test_a_lost_answer_to_a_create_neither_doubles_nor_loses(client, happened, monkeypatch):
    writer, original, lost = new_writer(client, workers=1), client.write, []

    def write(*arguments):
        if not lost:
            lost.append(arguments)
            if happened:
                original(*arguments)
            raise errors.OutcomeUnknown("lost")
        return original(*arguments)

    monkeypatch.setattr(client, "write", write)
    writer.write([{"id": 1, "name": "a"}])
    assert stored(client) == [{"id": "1", "name": "a"}]


def test_a_row_that_somebody_else_changes_meanwhile_is_read_again(client, writer, monkeypatch):
    writer.write([{"id": 1, "name": "a"}])
    original, met = client.update, []

    def update(record):
        if not met:
            met.append(record)
            original(type(record)(record.meta, {**record.data, "name": "theirs"}))
        return original(record)

    monkeypatch.setattr(client, "update", update)
    writer.write([{"id": 1, "name": "ours"}])
    assert stored(client) == [{"id": "1", "name": "ours"}]


def test_a_failure_is_raised_after_the_rows_on_their_way(client, monkeypatch):
    writer, original = new_writer(client, workers=2), client.write

    def write(record_type, data, plain):
        if data["id"] == "3":
            raise errors.Forbidden("POST", "/x", 403)
        return original(record_type, data, plain)

    monkeypatch.setattr(client, "write", write)
    with pytest.raises(errors.Forbidden):
        writer.write([{"id": number} for number in range(200)])
    assert len(stored(client)) < 200
