"""Two processes of one client write the same rows at once, and one may be killed: in the end there is one record a row."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from e3db_connectors.sync.writing import open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}, "again": {"type": "string"}}

WRITE = """
import json, sys
from e3db_connectors import Client, Config
from e3db_connectors.sync.writing import open_writer

name, count = sys.argv[1], int(sys.argv[2])
with Client(Config.from_mapping(json.load(open(sys.argv[3])))) as client:
    writer = open_writer(client, "t", json.loads(sys.argv[4]), ["id"])
    print("ready", flush=True)
    sys.stdin.readline()
    rows = [{"id": number, "name": name, "again": name} for number in range(count)]
    for start in range(0, count, 1000):
        writer.write(rows[start : start + 1000])
    print(json.dumps(writer.counts))
"""


class Writer:
    """A process that writes its name into every row."""

    def __init__(self, name, count, credentials):
        command = [sys.executable, "-c", WRITE, name, str(count), str(credentials), json.dumps(COLUMNS)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True)

    def wait_until_ready(self):
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()

    def start(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def counts(self, timeout=1800):
        output, errors = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, errors
        return json.loads(output)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def start(credentials_file):
    """Start writers, and let them begin at the same time."""
    begun = []

    def start_all(count, *names):
        writers = [Writer(name, count, credentials_file) for name in names]
        begun.extend(writers)
        for writer in writers:
            writer.wait_until_ready()
        for writer in writers:
            writer.start()
        return writers

    yield start_all
    for writer in begun:
        writer.kill()


def findings(client, count):
    """How many rows are doubled, missing, or neither the one process's nor the other's."""
    rows = Counter()
    mixed = 0
    for record in client.query_all(record_type="t"):
        rows[record.data["id"]] += 1
        mixed += record.data["name"] != record.data["again"]
    return {"doubled": rows.total() - len(rows), "missing": count - len(rows), "mixed": mixed}


CLEAN = {"doubled": 0, "missing": 0, "mixed": 0}


@pytest.mark.proof
def test_two_processes_that_write_the_same_rows_at_once_leave_one_record_each(client, start, proof):
    count = proof.size(120, 10_000)
    told = [writer.counts() for writer in start(count, "one", "other")]
    found = findings(client, count)
    created = sum(counts["created"] for counts in told)
    proof.report("two processes write the same keys at once", keys=count, told_as_created=created, **found)
    assert found == CLEAN
    assert created == count  # a record that lost is told as an update of the one that stayed
    assert [sum(counts.values()) for counts in told] == [count] * 2


@pytest.mark.proof
def test_what_a_killed_writer_leaves_behind_the_next_run_mends(client, start, proof):
    """Two write, one of them is killed at some moment; then all is written once more."""
    count, kills = 60, proof.size(2, 50)
    chance = random.Random(11)  # noqa: S311 - the same in every run
    left, found = 0, Counter()
    for number in range(kills):
        victim, other = start(count, f"victim {number}", f"other {number}")
        time.sleep(chance.uniform(0, 0.6))
        victim.kill()
        other.counts()
        left += findings(client, count)["doubled"]
        rows = [{"id": row, "name": "last", "again": "last"} for row in range(count)]
        open_writer(client, "t", COLUMNS, ["id"]).write(rows)
        found.update(findings(client, count))
        found["stale"] += sum(record.data["name"] != "last" for record in client.query_all(record_type="t"))
        client.delete_batch([record.meta.record_id for record in client.query_all(record_type="t", data=False)])
    proof.report("a writer killed among rivals, then one more run", kills=kills, doubles_left_by_it=left, **found)
    assert found == {**CLEAN, "stale": 0}
