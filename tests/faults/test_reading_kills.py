"""A reader that is killed at any moment while others change what it reads, and goes on from any state that it had stored."""

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing

import pytest

from e3db_connectors.sync import Tuning, read_pages
from e3db_connectors.sync.reading import ClientSource
from e3db_connectors.sync.reading.full import look_for

DELAY = 0.5
TUNING = {"lookback_seconds": 2, "settle_seconds": 0, "page_size": 20, "ghost_wait": 0.05}
"""The index's lag and the whole seconds of the server's clock stay below look-back and settling time."""

READ = """
import json, sqlite3, sys
from e3db_connectors import Client, Config
from e3db_connectors.sync import Tuning, read_pages

with Client(Config.from_mapping(json.load(open(sys.argv[1])))) as client:
    client.server_time()
    warehouse = sqlite3.connect(sys.argv[2], timeout=60)
    tuning = Tuning(**json.loads(sys.argv[3]))
    print("ready", flush=True)
    life, state = json.loads(sys.stdin.readline())
    for step, page in enumerate(read_pages(client, "note", state=state, all_writers=True, tuning=tuning)):
        rows = [(life, step, row["_e3db_record_id"], row["_e3db_version"], row["_e3db_writer_id"], row["n"]) for row in page.rows]
        with warehouse:
            warehouse.executemany("INSERT INTO arrivals VALUES (?, ?, ?, ?, ?, ?)", rows)
        with warehouse:
            warehouse.execute("INSERT INTO states VALUES (?, ?, ?)", (life, step, json.dumps(page.state)))
        print(step, flush=True)
"""


class Reader:
    """A process that has everything ready to read."""

    def __init__(self, credentials, warehouse):
        command = [sys.executable, "-c", READ, str(credentials), str(warehouse), json.dumps(TUNING)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read(self, life, state, pages, seconds):
        """Read from a state on, and die some seconds after so many pages. Returns whether it was killed before its end."""
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()
        self.process.stdin.write(json.dumps([life, state]) + "\n")
        self.process.stdin.flush()
        for _ in range(pages):
            self.process.stdout.readline()
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _, errors = self.process.communicate()
        assert self.process.returncode in {0, -9}, errors
        return self.process.returncode == -9


class Others:
    """Two writers who create, change and delete all the time."""

    def __init__(self, clients, seed):
        self.clients, self.random, self.records, self.counts = clients, random.Random(seed), [], Counter()  # noqa: S311 - the same each time
        self._stop, self._thread = threading.Event(), threading.Thread(target=self._work)

    def create(self):
        client = self.random.choice(self.clients)
        self.counts["created"] += 1
        self.records.append((client, client.write("note", {"n": str(self.counts["created"])})))

    def change(self):
        client, record = self.records[at := self.random.randrange(len(self.records))]
        self.counts["changed"] += 1
        self.records[at] = client, client.update(record)

    def delete(self):
        client, record = self.records.pop(self.random.randrange(len(self.records)))
        self.counts["deleted"] += 1
        client.delete(record.meta.record_id, record.meta.version)

    def _work(self):
        while not self._stop.wait(0.02):
            self.random.choice([self.create, self.delete, self.change, self.change])()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()


class Warehouse:
    """All that any reader has stored: what came, and the states, by life and step."""

    def __init__(self, path):
        self.path, self.parents = path, {}
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE arrivals (life, step, record_id, version, writer_id, n)")
            connection.execute("CREATE TABLE states (life, step, state)")

    def states(self):
        with closing(sqlite3.connect(self.path)) as connection:
            found = connection.execute("SELECT life, step, state FROM states ORDER BY life, step").fetchall()
        return {(life, step): json.loads(state) for life, step, state in found}

    def tables(self):
        """The rows by key that had been stored when a state was, and no others: a table for each state."""
        with closing(sqlite3.connect(self.path)) as connection:
            arrivals = connection.execute("SELECT * FROM arrivals ORDER BY rowid").fetchall()
        by_step = {}
        for life, step, record_id, *row in arrivals:
            by_step.setdefault((life, step), {})[record_id] = tuple(row)
        tables = {None: {}}
        for life, step in self.states():
            before = (life, step - 1) if step else self.parents[life]
            tables[life, step] = tables[before] | by_step.get((life, step), {})
        return tables


@pytest.fixture
def lagging(running_server, tmp_path):
    with running_server(tmp_path, "--index-delay", str(DELAY)) as started:
        yield started


@pytest.mark.proof
def test_a_killed_reader_goes_on_from_every_state_that_it_had_stored(lagging, tmp_path, proof):
    chance, wanted, killed, life = random.Random(5), proof.size(4, 200), 0, 0  # noqa: S311 - the same each time
    warehouse, credentials = Warehouse(tmp_path / "warehouse.sqlite"), tmp_path / "reader.json"
    with lagging.register("reader") as client, lagging.register("writer") as writer:
        writer.share("note", client.client_id)
        client.config.write_file(credentials)
        others = Others([client, writer], 7)
        for _ in range(proof.size(60, 200)):
            others.create()
        time.sleep(1)
        goes_on = {}
        with others:
            ready = Reader(credentials, warehouse.path)
            while killed < wanted:
                life, reader, ready = life + 1, ready, Reader(credentials, warehouse.path)
                parent = chance.choice([None, *goes_on])
                warehouse.parents[life] = parent
                if reader.read(life, goes_on.get(parent), chance.randint(0, 6), chance.uniform(0, 0.05)):
                    killed += 1
                    goes_on |= {at: state for at, state in warehouse.states().items() if at[0] == life}
            ready.process.kill()
            ready.process.communicate()
        time.sleep(DELAY + 1)
        found = _resumed(client, warehouse)
    proof.report("a reader killed while others change records", kills=killed, **others.counts, **found)
    assert killed == wanted
    assert found["lost"] == found["doubled"] == 0
    assert found["states"] > wanted


def _resumed(client, warehouse):
    """Go on from every state, with the table that there was when it was stored, to the end."""
    store = {record.meta.record_id: record.meta.version for record in client.query_all(record_type="note", writer="all")}
    counts, gone = Counter(lost=0, doubled=0), set()
    states, tables = warehouse.states(), warehouse.tables()
    for at, state in states.items():
        table = dict(tables[at])
        for page in read_pages(client, "note", state=state, all_writers=True, tuning=Tuning(**TUNING)):
            table |= {row["_e3db_record_id"]: (row["_e3db_version"], row["_e3db_writer_id"], row["n"]) for row in page.rows}
        extra = {record_id: table.pop(record_id)[1] for record_id in table.keys() - store.keys()}
        if unknown := {record_id: writer for record_id, writer in extra.items() if record_id not in gone}:
            found = look_for(ClientSource(client), "note", unknown)
            assert found.deleted == unknown.keys()
            gone |= found.deleted
        counts["lost"] += sum(record_id not in table or table[record_id][0] != version for record_id, version in store.items())
        counts["doubled"] += len(table) - len({n for _, _, n in table.values()})
    return {"states": len(states), "in_a_window": sum("piece" in state["e3db"] for state in states.values()), **counts}
