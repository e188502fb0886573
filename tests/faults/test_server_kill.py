"""A server that is killed in the middle of its work: what it has acknowledged is there when it comes back, and whole."""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from sqlalchemy import MetaData, select

from e3db_connectors import Client, Config, Record
from e3db_connectors.client import retries
from e3db_connectors.errors import E3DBError
from e3db_connectors.server.store.records import pair_hash

WRITERS, SHARING = 16, 4
TYPE = "t"
GONE = "gone"


@pytest.fixture
def _impatient(monkeypatch):
    """Who writes to a dead server gives up at once."""
    monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)


class Book:
    """What the server has acknowledged, by record, and of shares by type; and what it was asked, and may or may not have done."""

    def __init__(self):
        self.records, self.shares, self.asked = {}, {}, {}
        self.counts, self._lock = Counter(), threading.Lock()

    def confirm(self, kind, book, key, state):
        with self._lock:
            book[key] = state
            self.counts[kind] += 1

    def confirmed(self):
        return self.counts["writes"] + self.counts["deletes"] + self.counts["policies"]


def write_until_it_fails(number, client, reader_id, book):
    """Create, update and delete records, or share and revoke a type; remember what the server has confirmed."""
    work = share_and_revoke if number < SHARING else write_and_delete
    try:
        for turn in count():
            work(number, turn, client, reader_id, book)
    except E3DBError:
        return


def write_and_delete(number, turn, client, _reader_id, book):
    record = client.write(TYPE, {"n": "created"}, {"n": "created", "writer": str(number)})
    book.confirm("writes", book.records, record.meta.record_id, "created")
    record.meta.plain["n"] = "updated"
    book.asked[record.meta.record_id] = "updated"
    record = client.update(Record(record.meta, {"n": "updated"}))
    book.confirm("writes", book.records, record.meta.record_id, "updated")
    if turn % 2:
        book.asked[record.meta.record_id] = GONE
        client.delete(record.meta.record_id, record.meta.version)
        book.confirm("deletes", book.records, record.meta.record_id, GONE)


def share_and_revoke(number, turn, client, reader_id, book):
    """Of a type of this writer alone, or nobody would know what was last."""
    type_, shared = f"shared {number}", turn % 2 == 0
    book.asked[type_] = shared
    (client.share if shared else client.revoke)(type_, reader_id)
    book.confirm("policies", book.shares, type_, shared)


def check_database(server):
    """The database is consistent, and each record has just the plain members that it says."""
    with server.database() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # it may still be committing for the dead
        metadata = MetaData()
        metadata.reflect(connection)
        records, members = metadata.tables["records"], metadata.tables["plain_members"]
        stored = {row.seq: json.loads(row.plain) for row in connection.execute(select(records.c.seq, records.c.plain))}
        found = {seq: set() for seq in stored}
        for row in connection.execute(select(members.c.seq, members.c.key, members.c.value, members.c.pair_hash)):
            assert bytes(row.pair_hash) == pair_hash(row.key, row.value)
            found[row.seq].add((row.key, row.value))
    assert found == {seq: set(plain.items()) for seq, plain in stored.items()}
    return len(stored)


@pytest.mark.proof
@pytest.mark.usefixtures("_impatient")
def test_no_acknowledged_write_is_lost(tmp_path, running_server, proof):
    book, config, checked = Book(), None, 0
    rounds = proof.size(3, 100)
    for round_ in range(rounds):
        with running_server(tmp_path) as server:
            if config is None:
                config, reader_id = server.register().config, server.register("reader").client_id
            with Client(Config.from_mapping({**config(), "api_url": server.url})) as client, ThreadPoolExecutor(WRITERS) as pool:
                writers = [pool.submit(write_until_it_fails, number, client, reader_id, book) for number in range(WRITERS)]
                enough = threading.Event()
                while book.confirmed() < 60 * (round_ + 1) and not all(writer.done() for writer in writers):
                    enough.wait(0.01)
                server.process.kill()
                server.process.wait()
            checked += check_database(server)
    with running_server(tmp_path) as server, Client(Config.from_mapping({**config(), "api_url": server.url})) as client:
        found = {record.meta.record_id: record for record in client.query_all(record_type=TYPE)}
        shared = {share.record_type for share in client.outgoing_sharing()}
    assert book.confirmed() >= 60 * rounds
    for record_id, state in book.records.items():
        now = found[record_id].data["n"] if record_id in found else GONE
        assert now in {state, book.asked.get(record_id, state)}, record_id
    for type_, state in book.shares.items():
        assert (type_ in shared) in {state, book.asked[type_]}
    for record in found.values():
        assert record.data == {"n": record.meta.plain["n"]}  # never the one of a version without the other
    unknown = found.keys() - book.records.keys()
    assert len(unknown) <= rounds * WRITERS
    proof.report("killed server", kills=rounds, **book.counts, records_checked=checked, unacknowledged=len(unknown))
