"""Random writes, updates, deletes, grants and revokes against a real server with an index that lags, and a reader that dies at any page:
in the end the warehouse holds what the store holds.
"""

from random import Random

import pytest

from e3db_connectors.errors import Conflict, Forbidden, NotFound
from e3db_connectors.sync import Tuning, read_pages

DELAY = 1.5
TUNING = {"lookback_seconds": 2, "settle_seconds": 0, "ghost_wait": 0.05}
"""Lag and the whole seconds of the server's clock stay below look-back and settling time."""


@pytest.fixture(scope="module")
def lagging(lagging_server):
    with lagging_server(DELAY) as started:
        yield started


class World:
    """Writers, a reader and its warehouse."""

    def __init__(self, server, seed):
        self.random = Random(seed)  # noqa: S311 - it has to be the same each time
        self.reader, self.writer = server.register("reader"), server.register("writer")
        self.warehouse, self.state, self.records, self.shared = {}, None, [], False

    def close(self):
        self.reader.close()
        self.writer.close()

    def something(self):
        who = self.random.choice([self.reader, self.writer])
        action = self.random.random()
        if action < 0.5 or not self.records:
            self.records.append((who, who.write("note", {"n": str(self.random.random())})))
        elif action < 0.75:
            self.change(update=True)
        elif action < 0.85:
            self.change(update=False)
        elif self.shared:
            self.writer.revoke("note", self.reader.client_id)
            self.shared = False
        else:
            self.writer.share("note", self.reader.client_id)
            self.shared = True

    def change(self, *, update):
        at = self.random.randrange(len(self.records))
        who, record = self.records[at]
        try:
            if update:
                record.data["n"] = str(self.random.random())
                self.records[at] = who, who.update(record)
            else:
                who.delete(record.meta.record_id, record.meta.version)
        except (Conflict, Forbidden, NotFound):
            pass  # it has been deleted before

    def sync(self, *, dies=False, busy=False):
        options = Tuning(page_size=self.random.choice([2, 3, 1000]), **TUNING)
        for page in read_pages(self.reader, "note", state=self.state, all_writers=True, tuning=options):
            for row in page.rows:
                self.warehouse[row["_e3db_record_id"]] = row["_e3db_version"]
            if dies and self.random.random() < 0.15:
                return
            self.state = page.state
            if busy and self.random.random() < 0.6:
                self.something()

    def missing(self):
        live = {record.meta.record_id: record.meta.version for record in self.reader.query_all(record_type="note", writer="all")}
        return {record_id for record_id, version in live.items() if self.warehouse.get(record_id) != version}


@pytest.mark.proof
def test_in_the_end_the_warehouse_is_the_store(lagging, proof):
    worlds, syncs = proof.size(3, 60), 0
    for seed in range(worlds):
        world = World(lagging, seed)
        for _ in range(world.random.randint(2, 5)):
            for _ in range(world.random.randint(0, 12)):
                world.something()
            world.sync(dies=world.random.random() < 0.6, busy=True)
            syncs += 1
            lagging.clock.go_on(world.random.choice([0, 0, 0.5, 2.5]))
        lagging.clock.go_on(DELAY + 1)
        world.sync()
        world.sync()
        assert not world.missing(), f"world {seed}"
        world.close()
    proof.report("syncs of a real server with a lagging index", worlds=worlds, syncs=syncs)


def test_a_record_that_changes_all_the_time_arrives(lagging):
    with lagging.register() as client:
        record, versions, state = client.write("note", {"n": "0"}), [], None
        for _ in range(20):
            record = client.update(record)
            record.data["n"] = str(int(record.data["n"]) + 1)
            for page in read_pages(client, "note", state=state, tuning=Tuning(**TUNING)):
                versions += [row["_e3db_version"] for row in page.rows]
                state = page.state
            lagging.clock.go_on(DELAY / 6)
        assert len(versions) == len(set(versions)) > 3
