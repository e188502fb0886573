"""Rows that are deleted by their key."""

import logging

import pytest

from e3db_connectors import errors
from e3db_connectors.crypto import encoding
from e3db_connectors.sync.writing import Failures, WriteOptions, open_deleter

OLD, NEW = encoding.encode(bytes(range(32))), encoding.encode(bytes(range(32, 64)))
ROWS = [{"id": number, "name": "a"} for number in range(5)]
SECRET = "a value that nobody may see"


@pytest.fixture
def writer(items):
    writer = items.writer()
    writer.write(ROWS)
    return writer


def deleter(items, client=None, **options):
    return open_deleter(client or items.client, "items", {"id": {"type": "integer"}}, ["id"], options=WriteOptions(**options))


def test_only_the_key_of_a_row_counts(writer, items):
    ids = {record.data["id"]: record.meta.record_id for record in items.records()}
    deleted = writer.delete([{"id": 1}, {"id": 9}, {"id": 3, "name": "of another row", "stray": object()}])
    assert [(row.position, row.outcome, row.record_id) for row in deleted] == [
        (6, "deleted", ids["1"]),
        (7, "absent", None),
        (8, "deleted", ids["3"]),
    ]
    assert deleted[0].key == items.key_of(1)
    assert [row["id"] for row in items.stored()] == ["0", "2", "4"]
    assert (writer.counts["deleted"], writer.counts["absent"]) == (2, 1)


def test_a_row_can_be_written_again(writer, items, outcomes):
    writer.delete(ROWS)
    assert items.records() == []
    assert outcomes(writer.write(ROWS[:1])) == ["created"]
    assert outcomes(writer.delete(ROWS[:2])) == ["deleted", "absent"]


def test_more_rows_than_one_look_up_takes(items):
    writer = items.writer()
    rows = [{"id": number} for number in range(600)]
    writer.write(rows)
    writer.delete(rows)
    assert writer.counts["deleted"] == 600
    assert items.records() == []


def test_of_several_rows_with_one_key_the_last_is_told(writer, outcomes):
    assert outcomes(writer.delete([{"id": 1}, {"id": 1}, {"id": 2}])) == ["superseded", "deleted", "deleted"]


def test_other_types_and_rows_of_others_stay(writer, items, stranger, outcomes):
    stranger.write("items", {"id": "1"}, items.records()[1].meta.plain)
    items.client.write("other", {"id": "1"}, items.records()[1].meta.plain)
    stranger.share("items", items.client.client_id)
    assert outcomes(writer.delete(ROWS)) == ["deleted"] * 5
    assert len(list(items.client.query_all(record_type="other"))) == 1
    assert len(list(stranger.query_all(record_type="items"))) == 1


def test_doubles_go_together(writer, items, outcomes):
    items.plant(1, "b")
    items.plant(1, "c")
    assert outcomes(writer.delete([{"id": 1}])) == ["deleted"]
    assert len(items.records()) == 4


def test_nothing_is_decrypted(writer, items, damage, outcomes):
    damage(items.records()[1].meta.record_id)
    assert outcomes(writer.delete(ROWS)) == ["deleted"] * 5


def before_delete(client, monkeypatch, act, times=1):
    """Let *act* happen right before a record is deleted."""
    original, acted = client.delete, []

    def delete(record_id, version=None):
        if len(acted) < times:
            acted.append(record_id)
            act(record_id)
        return original(record_id, version)

    monkeypatch.setattr(client, "delete", delete)
    return acted


def test_a_row_that_somebody_changes_meanwhile_is_read_again(writer, items, twin, outcomes, monkeypatch):
    def change(record_id):
        record = twin.read(record_id)
        twin.update(type(record)(record.meta, {**record.data, "name": "theirs"}))

    acted = before_delete(items.client, monkeypatch, change, times=3)
    assert outcomes(writer.delete([{"id": 1}])) == ["deleted"]
    assert len(acted) == 3
    assert len(items.records()) == 4


def test_a_row_that_somebody_deletes_meanwhile_is_gone(writer, items, twin, outcomes, monkeypatch):
    before_delete(items.client, monkeypatch, twin.delete)
    assert outcomes(writer.delete([{"id": 1}])) == ["deleted"]


@pytest.mark.parametrize("error", [errors.Forbidden("DELETE", "/x", 403), errors.InvalidRequest("DELETE", "/x", 410)])
def test_a_server_that_has_other_words_for_it_is_understood(error, writer, items, twin, outcomes, monkeypatch):
    def refuse(record_id, _version):
        twin.delete(record_id)
        raise error

    monkeypatch.setattr(items.client, "delete", refuse)
    assert outcomes(writer.delete([{"id": 1}])) == ["deleted"]


@pytest.mark.parametrize("error", [errors.Forbidden("DELETE", "/x", 403), errors.Conflict("DELETE", "/x", 409)])
def test_a_record_that_cannot_be_deleted_ends_the_run(error, writer, items, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr(items.client, "delete", refuse)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(type(error)):
        writer.delete([{"id": 1}])
    assert writer.counts["deleted"] == 0


def test_a_row_without_its_key_ends_the_run(writer, items):
    with pytest.raises(errors.UsageError, match="no value in its key column id"):
        writer.delete([{"id": 1}, {"id": None}])
    assert len(items.records()) == 5


def test_a_row_without_its_key_is_skipped_and_told_without_its_value(writer, items, outcomes, caplog, tmp_path):
    path = tmp_path / "dead.jsonl"
    writer = items.writer(failures=Failures("dead_letter", dead_letter_file=path))
    with caplog.at_level(logging.DEBUG):
        assert outcomes(writer.delete([{"name": SECRET}, {"id": 1}])) == ["failed", "deleted"]
    assert '"row":1' in path.read_text()
    assert SECRET not in caplog.text + path.read_text()


def test_the_check_of_rows_to_write_is_not_asked(items, outcomes):
    def check(_row):
        raise errors.UsageError("no")

    items.writer().write(ROWS)
    assert outcomes(items.writer(check=check).delete(ROWS)) == ["deleted"] * 5


def test_a_stream_without_keys_cannot_delete(items):
    with pytest.raises(errors.UsageError, match="without key columns"):
        items.writer(keys=()).delete(ROWS)
    with pytest.raises(errors.UsageError, match="without key columns"):
        open_deleter(items.client, "items", {}, [])


def test_while_a_secret_changes_rows_are_found_under_both(items, outcomes):
    items.writer(key_secret=OLD).write(ROWS)
    rotating = items.writer(key_secret=NEW, key_secret_previous=OLD)
    rotating.write(ROWS[:2])
    assert outcomes(rotating.delete(ROWS)) == ["deleted"] * 5
    assert items.records() == []


def test_to_delete_takes_no_schema_and_stores_none(items, twin, outcomes):
    items.writer().write(ROWS)
    before = [record.data for record in items.client.query_all(record_type="singer.schema.items")]
    deletes = deleter(items, twin)
    assert outcomes(deletes.delete([{"id": 1}, {"id": 9}])) == ["deleted", "absent"]
    assert deletes.counts == {"deleted": 1, "absent": 1, "superseded": 0, "failed": 0}
    assert [record.data for record in items.client.query_all(record_type="singer.schema.items")] == before
    assert len(items.records()) == 4


def test_nothing_is_stored_where_nothing_is(items, outcomes):
    assert outcomes(deleter(items).delete([{"id": 1}])) == ["absent"]
    assert list(items.client.query_all(record_type="singer.schema.items")) == []


def test_another_secret_is_refused_for_it_would_find_nothing(items):
    items.writer().write(ROWS)
    with pytest.raises(errors.WrongKeySecret):
        deleter(items, key_secret=NEW)


def test_records_of_the_connector_are_not_for_deleting(items):
    with pytest.raises(errors.UsageError, match="the connector's own"):
        open_deleter(items.client, "singer.schema.items", {"id": {"type": "integer"}}, ["id"])
