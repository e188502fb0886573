"""Several records of one key: whoever meets them leaves one, and no value is lost."""

import pytest

from e3db_connectors import errors
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.sync.writing import repair_keys
from e3db_connectors.sync.writing import upsert as upserts


def ids(records):
    return [record.meta.record_id for record in records]


@pytest.mark.parametrize("doubles", [2, 3])
def test_a_write_that_meets_doubles_leaves_the_oldest_with_its_values(doubles, items, outcomes):
    oldest, *_ = [items.plant(1, f"value {number}") for number in range(doubles)]
    assert outcomes(items.writer().write([{"id": 1, "name": "new"}])) == ["updated"]
    assert ids(items.records()) == [oldest.meta.record_id]
    assert items.stored() == [{"id": "1", "name": "new"}]


def test_a_row_that_is_stored_already_removes_doubles_all_the_same(items, outcomes):
    writer = items.writer()
    writer.write([{"id": 1, "name": "a"}])
    items.plant(1, "b")
    assert outcomes(writer.write([{"id": 1, "name": "a"}])) == ["unchanged"]
    assert items.stored() == [{"id": "1", "name": "a"}]


def after_create(client, act):
    """Let *act* happen right after the first record has been created."""
    original, acted = client.write, []

    def write(*arguments, **options):
        written = original(*arguments, **options)
        if not acted and arguments[0] == "items":
            acted.append(True)
            act(written)
        return written

    client.write = write


@pytest.mark.parametrize("theirs", ["theirs", "ours"])
def test_a_record_that_somebody_else_creates_at_the_same_time_loses(theirs, items, twin, outcomes):
    """Ours is the older one: it stays, with what we have written."""
    after_create(items.client, lambda mine: twin.write("items", {"id": "1", "name": theirs}, mine.meta.plain))
    assert outcomes(items.writer().write([{"id": 1, "name": "ours"}])) == ["created"]
    assert items.stored() == [{"id": "1", "name": "ours"}]


@pytest.mark.parametrize(("theirs", "outcome"), [("theirs", "updated"), ("ours", "unchanged")])
def test_a_record_of_ours_that_is_the_younger_one_gives_its_values_to_the_other(theirs, outcome, items, twin, monkeypatch):
    other = []

    def overtaken(*arguments, **options):
        if arguments[0] == "items":
            key = {ROW_KEY: arguments[2][ROW_KEY], **arguments[2]}
            other.append(twin.write("items", {"id": "1", "name": theirs}, key))
        return original(*arguments, **options)

    original = items.client.write
    writer = items.writer()
    monkeypatch.setattr(items.client, "write", overtaken)
    [written] = writer.write([{"id": 1, "name": "ours"}])
    assert (written.outcome, written.record_id) == (outcome, other[0].meta.record_id)
    assert items.stored() == [{"id": "1", "name": "ours"}]
    assert ids(items.records()) == [other[0].meta.record_id]


def test_a_record_that_another_writer_has_already_removed_still_gives_its_values(items, twin, outcomes, monkeypatch):
    """The other one, whose record is older, mends the double first; what we have written may not be gone."""
    older = []
    original = items.client.write

    def write(*arguments, **options):
        if arguments[0] != "items":
            return original(*arguments, **options)
        older.append(twin.write("items", {"id": "1", "name": "theirs"}, arguments[2]))
        written = original(*arguments, **options)
        twin.delete(written.meta.record_id, written.meta.version)
        return written

    writer = items.writer()
    monkeypatch.setattr(items.client, "write", write)
    assert outcomes(writer.write([{"id": 1, "name": "ours"}])) == ["updated"]
    assert items.stored() == [{"id": "1", "name": "ours"}]
    assert ids(items.records()) == [older[0].meta.record_id]


def test_a_record_that_somebody_deletes_right_after_is_not_made_again(items, twin, outcomes):
    after_create(items.client, lambda mine: twin.delete(mine.meta.record_id))
    assert outcomes(items.writer().write([{"id": 1}])) == ["created"]
    assert items.stored() == []


def test_a_double_that_changes_while_it_is_removed_is_looked_at_again(items, twin, outcomes, monkeypatch):
    items.plant(1, "a")
    double = items.plant(1, "b")
    original, changed = upserts.discard, []

    def discard(client, doubles):
        if not changed and doubles:
            changed.append(twin.update(type(double)(double.meta, {"id": "1", "name": "c"})))
        original(client, doubles)

    monkeypatch.setattr(upserts, "discard", discard)
    assert outcomes(items.writer().write([{"id": 1, "name": "new"}])) == ["updated"]
    assert len(changed) == 1
    assert items.stored() == [{"id": "1", "name": "new"}]


def test_a_record_that_others_change_at_each_attempt_ends_in_a_conflict(items, monkeypatch):
    items.plant(1, "a")

    def conflict(_record):
        raise errors.Conflict("PUT", "/x", 409)

    monkeypatch.setattr(items.client, "update", conflict)
    with pytest.raises(errors.Conflict):
        items.writer().write([{"id": 1, "name": "b"}])


class TestRepair:
    """By hand, without a writer: the values that were written last stay."""

    def test_what_is_single_is_left(self, items):
        items.writer().write([{"id": number} for number in range(5)])
        items.client.write("items", {"id": "1"})  # not a writer's
        items.client.write("items", {"id": "1"})
        assert list(repair_keys(items.client, "items")) == []
        assert len(items.records()) == 7

    def test_the_oldest_stays_with_the_newest_values(self, items):
        first, second, third = (items.plant(1, name, theirs=name) for name in ("a", "b", "c"))
        newest = items.client.update(type(second)(second.meta, {"id": "1", "name": "newest"}))
        [repair] = repair_keys(items.client, "items")
        removed = tuple(sorted(ids([second, third])))
        assert repair == (items.key_of(1), first.meta.record_id, removed, True, None)
        [record] = items.records()
        assert (record.data, record.meta.record_id) == (newest.data, first.meta.record_id)
        assert record.meta.plain["theirs"] == "b"
        assert list(repair_keys(items.client, "items")) == []

    def test_values_that_are_the_same_are_not_written_again(self, items):
        first, _ = items.plant(1, "a"), items.plant(1, "a")
        [repair] = repair_keys(items.client, "items")
        assert not repair.rewritten
        assert items.records() == [first]

    def test_a_key_that_cannot_be_repaired_does_not_stop_the_others(self, items, damage):
        broken = [items.plant(1, "a"), items.plant(1, "b")][1]
        items.plant(2, "a"), items.plant(2, "b")
        damage(broken.meta.record_id)
        repairs = {repair.key: repair for repair in repair_keys(items.client, "items")}
        assert repairs[items.key_of(1)].error == "EncodingError"
        assert repairs[items.key_of(1)].removed == ()
        assert repairs[items.key_of(2)].error is None
        assert len(list(items.client.query_all(record_type="items", data=False))) == 3

    def test_a_record_that_changes_meanwhile_is_looked_at_again(self, items, twin, monkeypatch):
        _, second = items.plant(1, "a"), items.plant(1, "b")
        original, changed = items.client.update, []

        def update(record):
            if not changed:
                current = twin.read(record.meta.record_id)
                changed.append(twin.update(type(current)(current.meta, {"id": "1", "name": "c"})))
            return original(record)

        monkeypatch.setattr(items.client, "update", update)
        [repair] = repair_keys(items.client, "items")
        assert repair.removed == (second.meta.record_id,)
        assert items.stored() == [{"id": "1", "name": "c"}]
