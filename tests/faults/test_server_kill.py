"""A server that is killed in the middle of its work: what it has acknowledged is there when it comes back, and whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from e3db_connectors import Client, Config, Record
from e3db_connectors.client import retries
from e3db_connectors.errors import E3DBError

WRITERS = 16


@pytest.fixture
def _impatient(monkeypatch):
    """Who writes to a dead server gives up at once."""
    monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)


def write_until_it_fails(client, acknowledged, lock):
    """Create and update records; remember what the server has confirmed."""
    try:
        while True:
            record = client.write("t", {"n": "created"})
            with lock:
                acknowledged[record.meta.record_id] = {"n": "created"}
            client.update(Record(record.meta, {"n": "updated"}))
            with lock:
                acknowledged[record.meta.record_id] = {"n": "updated"}
    except E3DBError:
        return


@pytest.mark.proof
@pytest.mark.usefixtures("_impatient")
def test_no_acknowledged_write_is_lost(tmp_path, running_server, proof):
    acknowledged, lock, config = {}, threading.Lock(), None
    rounds = proof.size(4, 100)
    for round_ in range(rounds):
        with running_server(tmp_path) as server:
            config = Config.from_mapping({**config(), "api_url": server.url}) if config else server.register().config
            with Client(config) as client, ThreadPoolExecutor(WRITERS) as pool:
                writers = [pool.submit(write_until_it_fails, client, acknowledged, lock) for _ in range(WRITERS)]
                enough = threading.Event()
                while len(acknowledged) < 30 * (round_ + 1) and not all(writer.done() for writer in writers):
                    enough.wait(0.01)
                server.process.kill()
                server.process.wait()
    with running_server(tmp_path) as server, Client(Config.from_mapping({**config(), "api_url": server.url})) as client:
        found = {record.meta.record_id: record.data for record in client.query_all(record_type="t")}
    assert len(acknowledged) >= 30 * rounds
    for record_id, data in acknowledged.items():
        assert record_id in found
        assert found[record_id] in (data, {"n": "updated"})
    assert set(map(str, found.values())) <= {"{'n': 'created'}", "{'n': 'updated'}"}
    assert len(found) <= len(acknowledged) + rounds * WRITERS
    proof.report("killed server", kills=rounds, acknowledged=len(acknowledged), lost=0)
