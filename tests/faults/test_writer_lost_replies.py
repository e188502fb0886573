"""Keyed writes whose replies get lost, among rivals: nothing is doubled, nothing is lost, and what is reported is what happened."""

import random
from collections import Counter
from threading import Lock, local

import pytest

from e3db_connectors import Client, Record
from e3db_connectors.errors import Conflict
from e3db_connectors.sync.writing import open_writer

RECORDS = "/v1/storage/records"
COLUMNS = {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}}


@pytest.fixture
def rival(client):
    """The same client in another process."""
    with Client(client.config) as made:
        yield made


class Losses:
    """Which calls are lost, before or after the server has acted; asked by many threads.

    Args:
        method: Of what.
        times: How many at most.
        once: Each path's first call; without it, every second row's.
    """

    def __init__(self, method, times, *, once=False):
        self.method, self.times, self.once = method, times, once
        self.count, self._calls, self._seen = 0, 0, set()
        self._lock, self._chance = Lock(), random.Random(7)  # noqa: S311 - the same in every run
        self._thread = local()

    def plan(self, method, path):
        if method != self.method or not path.startswith(RECORDS):
            return None
        with self._lock:
            again = getattr(self._thread, "fault", None) == "before"  # what has arrived needs no second call
            self._calls += not again
            chosen = path not in self._seen if self.once else self._calls % 2 and not again
            self._seen.add(path)
            chosen = chosen and self.count < self.times
            self.count += bool(chosen)
            self._thread.fault = self._chance.choice(["after", "after", "before"]) if chosen else None
            return self._thread.fault


@pytest.fixture
def losing(client, break_calls):
    def install(*arguments, **options):
        losses = Losses(*arguments, **options)
        break_calls(client, losses.plan)
        return losses

    return install


def stored(client, record_type="t"):
    return {record.data["id"]: record for record in client.query_all(record_type=record_type)}


def rows(count, name):
    return [{"id": number, "name": name} for number in range(count)]


def write(writer, batch):
    return [outcome for start in range(0, len(batch), 1000) for outcome in writer.write(batch[start : start + 1000])]


@pytest.mark.proof
@pytest.mark.parametrize("keyed", [True, False])
def test_lost_replies_to_creates_double_nothing(keyed, client, losing, proof):
    count, losses = proof.size(100, 2000), proof.size(50, 1000)
    writer = open_writer(client, "t", COLUMNS, ["id"] if keyed else ())
    write(writer, rows(1, "first"))
    faults = losing("POST", losses)
    outcomes = write(writer, [{"id": number, "name": "a"} for number in range(1, count + 1)])
    assert faults.count == losses
    records = list(client.query_all(record_type="t"))
    by_id = {record.meta.record_id: record for record in records}
    doubled = len(records) - len({record.data["id"] for record in records})
    lost = count + 1 - len({record.data["id"] for record in records})
    misreported = sum(by_id[outcome.record_id].data["id"] != str(outcome.position - 1) for outcome in outcomes)
    misreported += sum(outcome.outcome != "created" for outcome in outcomes)
    proof.report(
        f"replies lost to creates {'by key' if keyed else 'without a key'}",
        creates=len(outcomes), lost_replies=faults.count, doubled=doubled, lost=lost, misreported=misreported,
    )  # fmt: skip
    assert (doubled, lost, misreported) == (0, 0, 0)


@pytest.mark.proof
def test_lost_replies_to_updates_among_conflicts_report_what_happened(client, rival, losing, proof):
    """The client's own update: success only if ours is what is stored, a conflict if somebody else's is."""
    losses, conflicts = proof.size(50, 1000), proof.size(10, 200)
    records = [client.write("t", {"id": str(number)}) for number in range(losses + conflicts)]
    overtaken = set(random.Random(3).sample(range(len(records)), conflicts))  # noqa: S311 - the same in every run
    for number in overtaken:
        rival.update(Record(records[number].meta, {"id": str(number), "name": "theirs"}))
    faults = losing("PUT", losses + conflicts, once=True)
    reported = Counter()
    misreported = 0
    for number, record in enumerate(records):
        try:
            client.update(Record(record.meta, {"id": str(number), "name": "ours"}))
            success = True
        except Conflict:
            success = False
        reported[success] += 1
        misreported += success != (rival.read(record.meta.record_id).data["name"] == "ours")
        misreported += success == (number in overtaken)
    proof.report(
        "replies lost to updates, real conflicts among them",
        updates=len(records), lost_replies=faults.count, success=reported[True], conflict=reported[False], misreported=misreported,
    )  # fmt: skip
    assert (reported[True], reported[False], misreported) == (losses, conflicts, 0)


@pytest.mark.proof
def test_lost_replies_to_keyed_updates_among_rivals_end_with_our_values(client, rival, losing, proof, monkeypatch):
    """A writer of rows: a real conflict is read again and written over, and each row is reported as updated once."""
    count, conflicts = proof.size(60, 1200), proof.size(10, 200)
    writer = open_writer(client, "t", COLUMNS, ["id"])
    write(writer, rows(count, "first"))
    chosen = set(random.Random(5).sample(range(count), conflicts))  # noqa: S311 - the same in every run
    original, overtaken = client.update, []

    def update(record):
        """Somebody else is faster, once for each of the chosen rows."""
        number = int(record.data.get("id", -1))
        if number in chosen:
            chosen.discard(number)
            current = rival.read(record.meta.record_id)
            rival.update(Record(current.meta, {**current.data, "name": "theirs"}))
            overtaken.append(number)
        return original(record)

    monkeypatch.setattr(client, "update", update)
    faults = losing("PUT", proof.size(50, 1000), once=True)
    outcomes = Counter(outcome.outcome for outcome in write(writer, rows(count, "ours")))
    records = list(client.query_all(record_type="t"))
    doubled = len(records) - len({record.data["id"] for record in records})
    lost = count - sum(record.data["name"] == "ours" for record in records)
    misreported = outcomes.total() - outcomes["updated"]
    proof.report(
        "replies lost to updates by key, rivals among them",
        updates=outcomes.total(), lost_replies=faults.count, conflicts=len(overtaken), doubled=doubled, lost=lost, misreported=misreported,
    )  # fmt: skip
    assert (faults.count, len(overtaken), outcomes.total()) == (proof.size(50, 1000), conflicts, count)
    assert (doubled, lost, misreported) == (0, 0, 0)


@pytest.mark.proof
def test_a_delete_whose_reply_is_lost_is_done(client, losing, proof):
    count = proof.size(50, 500)
    records = [client.write("t", {"id": str(number)}) for number in range(count)]
    faults = losing("DELETE", count, once=True)
    for record in records:
        client.delete(record.meta.record_id, record.meta.version)
    done = count - len(list(client.query_all(record_type="t", data=False)))
    proof.report("replies lost to deletes", deletes=len(records), lost_replies=faults.count, done=done)
    assert (faults.count, done) == (count, count)


@pytest.mark.proof
def test_a_delete_by_key_whose_reply_is_lost_is_done_and_told_once(client, rival, losing, proof, monkeypatch):
    """Some records are changed by somebody else right before they are deleted."""
    count, conflicts = proof.size(50, 500), proof.size(10, 100)
    writer = open_writer(client, "t", COLUMNS, ["id"])
    write(writer, rows(2 * count, "a"))
    chosen = set(random.Random(9).sample(range(count), conflicts))  # noqa: S311 - the same in every run
    ids = {record.meta.record_id for number, record in stored(client).items() if int(number) in chosen}
    original, overtaken = client.delete, []

    def delete(record_id, version=None):
        if record_id in ids:
            ids.discard(record_id)
            current = rival.read(record_id)
            rival.update(Record(current.meta, {**current.data, "name": "theirs"}))
            overtaken.append(record_id)
        return original(record_id, version)

    monkeypatch.setattr(client, "delete", delete)
    faults = losing("DELETE", count, once=True)
    told = Counter(outcome.outcome for outcome in writer.delete([{"id": number} for number in range(count)]))
    left = {int(number) for number in stored(client)}
    done = count - len(left & set(range(count)))
    proof.report(
        "replies lost to deletes by key, rivals among them",
        deletes=told.total(), lost_replies=faults.count, conflicts=len(overtaken), done=done, misreported=told.total() - told["deleted"],
    )  # fmt: skip
    assert (faults.count, len(overtaken)) == (count, conflicts)
    assert (told, left) == ({"deleted": count}, set(range(count, 2 * count)))


def test_doubles_are_repaired_though_replies_get_lost(client, losing):
    writer = open_writer(client, "t", COLUMNS, ["id"])
    write(writer, rows(20, "a"))
    for record in stored(client).values():
        client.write("t", {**record.data, "name": "b"}, record.meta.plain)
    faults = losing("DELETE", 10, once=True)
    write(writer, rows(20, "new"))
    assert faults.count == 10
    assert len(list(client.query_all(record_type="t"))) == 20
    assert {record.data["name"] for record in stored(client).values()} == {"new"}


@pytest.mark.parametrize("fault", ["before", "after"])
def test_the_schema_record_is_made_though_its_reply_is_lost(fault, client, break_calls, once):
    client.write("singer.schema.other", {})
    faults = break_calls(client, once("POST", RECORDS, fault))
    open_writer(client, "t", COLUMNS, ["id"])
    assert faults.broken == 1
    assert len(list(client.query_all(record_type="singer.schema.t"))) == 1
