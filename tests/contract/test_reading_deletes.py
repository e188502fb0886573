"""Deletes found by full reads, bad records among good ones, and keys after a client is closed: in numbers."""

import gc
import json
import random

import pytest
from sqlalchemy import MetaData, select, update

from e3db_connectors import Client
from e3db_connectors.client.bulk import NewRecord
from e3db_connectors.sync import RecordFailures, Tuning, read_pages
from e3db_connectors.sync.reading import ClientSource
from e3db_connectors.sync.reading.failures import record_ids
from e3db_connectors.sync.reading.full import FullRead, live_versions, look_for

SECRET = "a value that nobody may see"


def written(client, count, record_type="note", text=SECRET):
    outcomes = list(client.write_many(NewRecord(record_type, {"n": f"{text} {number}"}) for number in range(count)))
    assert all(outcome.ok for outcome in outcomes)
    return [outcome.value for outcome in outcomes]


@pytest.mark.proof
def test_deletes_are_confirmed_and_lost_access_is_told_apart(server, client, stranger, proof):
    """Half of the deleted records are another's; a third writer takes its share back, with deletes of its own."""
    wanted = proof.size(60, 1000)
    with server.register("third") as third:
        for other in (stranger, third):
            other.share("note", client.client_id)
        ours, theirs, hidden = (written(who, count) for who, count in ((client, wanted), (stranger, wanted), (third, wanted // 4)))
        read = FullRead(ClientSource(client), "note", all_writers=True)
        warehouse = {result.meta.record_id: result.meta.writer_id for page in read.pages() for result in page}
        assert read.is_whole
        assert len(warehouse) == 2 * wanted + wanted // 4
        deleted = ours[::2] + theirs[1::2]
        for who, records in ((client, ours[::2]), (stranger, theirs[1::2]), (third, hidden[:5])):
            assert all(outcome.ok for outcome in who.delete_many(records))
        assert all(outcome.ok for outcome in client.update_many(ours[1::4]))
        third.revoke("note", client.client_id)
        source = ClientSource(client)
        live = {record_id for page in live_versions(source, "note", all_writers=True) for record_id, _ in page}
        found = look_for(source, "note", {record_id: writer for record_id, writer in warehouse.items() if record_id not in live})
    truly = {record.meta.record_id for record in deleted}
    false, unconfirmed = len(found.deleted - truly), len(truly - found.deleted)
    lost = len(found.lost)
    proof.report("deletes found by a full read", deletes=len(truly), confirmed=len(found.deleted), false=false, access_lost=lost)
    assert (false, unconfirmed) == (0, 0)
    assert found.lost == {record.meta.record_id for record in hidden}
    assert not found.present


SPOILS = (
    lambda data: data[:-6] + 'AA"}',
    lambda data: data.replace(".", "_", 1),
    lambda _data: json.dumps({"n": "A" * 64 + "." + "A" * 32 + "." + "A" * 24 + "." + "A" * 32}),
    lambda _data: json.dumps({"n": ""}),
)


def spoil(server, ids):
    with server.database() as connection:
        metadata = MetaData()
        metadata.reflect(connection, only=["records"])
        records = metadata.tables["records"]
        for number, record_id in enumerate(ids):
            data = connection.scalar(select(records.c.data).where(records.c.record_id == record_id))
            spoilt = SPOILS[number % len(SPOILS)](data)
            connection.execute(update(records).where(records.c.record_id == record_id).values(data=spoilt))


@pytest.mark.proof
def test_bad_records_are_left_out_by_id_and_all_others_are_read(server, client, tmp_path, caplog, proof):
    count, bad = proof.size(300, 10_000), proof.size(12, 100)
    ids = [record.meta.record_id for record in written(client, count)]
    chosen = set(random.Random(3).sample(ids, bad))  # noqa: S311 - the same in every run
    spoil(server, sorted(chosen))
    dead = tmp_path / "dead.jsonl"
    failures = RecordFailures("dead_letter", bad, dead)
    tuning = Tuning(settle_seconds=0)
    rows = [row["_e3db_record_id"] for page in read_pages(client, "note", failures=failures, tuning=tuning) for row in page.rows]
    letters = [json.loads(line) for line in dead.read_text().splitlines()]
    proof.report("bad records among good ones", records=count, bad=bad, rows=len(rows), dead_letters=len(letters))
    assert sorted(rows) == sorted(set(ids) - chosen)
    assert set(record_ids(dead)) == chosen
    assert len(letters) == bad
    assert {name for letter in letters for name in letter} == {"record_type", "record_id", "version", "error"}
    assert SECRET not in dead.read_text() + caplog.text


def referenced(keys):
    """How many of these keys anything still holds; the keys are in hexadecimal, so as not to be found themselves."""
    size, found = {len(key) // 2 for key in keys}, set()
    pending = [gc.get_referents(holder) for holder in gc.get_objects()]
    while pending:
        for thing in pending.pop():
            if isinstance(thing, bytes) and len(thing) in size:
                found.add(thing.hex())
            elif type(thing) in {tuple, dict} and not gc.is_tracked(thing):  # such as hold no other containers are in no list of objects
                pending.append(gc.get_referents(thing))
    return len(keys & found)


@pytest.mark.proof
def test_no_key_outlives_a_client(client, proof):
    """Of its access keys; while it is open they are found, so the search finds what there is."""
    types = proof.size(10, 300)
    reader = Client(client.config())
    for number in range(types):
        record = reader.write(f"type{number}", {"n": "1"})
        assert reader.read(record.meta.record_id).data == {"n": "1"}
    keys = {key.hex() for _, key in [*reader._keys._keys._items.values(), *reader._keys._opened._items.values()]}
    assert len(keys) == types
    gc.collect()
    before = referenced(keys)
    reader.close()
    gc.collect()
    left = referenced(keys)
    proof.report("access keys that anything holds", keys=types, while_open=before, after_close=left)
    assert before == types
    assert left == 0
