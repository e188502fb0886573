"""A search index in which each change has a lag of its own."""

import random
from itertools import pairwise

import pytest
from sqlalchemy import func, select

from e3db_connectors.errors import ConfigError
from e3db_connectors.server.settings import IndexDelay
from e3db_connectors.server.store import lag, records, schema
from e3db_connectors.server.store.accounts import add_client
from e3db_connectors.server.store.database import Database
from e3db_connectors.wire.accounts import NewClient
from e3db_connectors.wire.records import MetaUpload, RecordUpload

SECOND = 1_000_000
DELAY = IndexDelay(2 * SECOND, 62 * SECOND)
SEARCH = "/v2/search"
RECORDS = "/v1/storage/records"


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("0", (0, 0)),
        ("2.5", (2_500_000, 2_500_000)),
        ("0-60", (0, 60 * SECOND)),
        ("0.5-3600", (500_000, 3600 * SECOND)),
        (" 7-7 ", (7 * SECOND, 7 * SECOND)),
    ],
)
def test_a_delay_is_seconds_or_a_range_of_them(text, delay):
    assert IndexDelay.parse(text) == delay


NO_DELAYS = ["", "-1", "60-0", "3601", "0-3601", "1e3", "nan", "0-", "-", "1-2-3", "1 - 2", "ten", "1,5", "٣"]


@pytest.mark.parametrize("text", NO_DELAYS)
def test_anything_else_is_no_delay(text):
    with pytest.raises(ConfigError, match="3600"):
        IndexDelay.parse(text)


def test_the_command_says_what_a_delay_is(run, tmp_path):
    answer = run("e3db-connectors", "serve", "--files-dir", tmp_path, "--index-delay", "60-0")
    assert answer.returncode != 0
    assert "0-60" in answer.stderr
    assert "Traceback" not in answer.stderr


# What the index shows, at times of the test's own choice


@pytest.fixture
def database(database_url, tmp_path):
    opened = Database(database_url(tmp_path))
    yield opened
    opened.close()


class History:
    """Records, and each one's changes: when, and to which number; None for its deletion."""

    def __init__(self, database):
        self.database, self.changes = database, {}
        with database.write() as connection:
            self.writer = add_client(connection, NewClient("writer", public_key={"curve25519": "a-key"})).client_id

    def upload(self, number):
        return RecordUpload(MetaUpload(self.writer, self.writer, "t", {"n": str(number)}), {})

    def write(self):
        with self.database.write() as connection:
            record = records.add(connection, self.database.clock, self.upload(0))
        self.changes[record.record_id] = [(record.last_modified, 0)]
        return record.record_id

    def change(self, record_id):
        with self.database.write() as connection:
            record = records.find(connection, record_id)
            past = lag.keep(connection, record, self.database.clock.moment(connection), DELAY)
            number = len(self.changes[record_id])
            changed = records.replace(connection, self.database.clock, record, self.upload(number))
            lag.end(connection, past, changed.last_modified)
        self.changes[record_id].append((changed.last_modified, number))

    def delete(self, record_id):
        with self.database.write() as connection:
            now = self.database.clock.moment(connection)
            record = records.find(connection, record_id)
            lag.keep(connection, record, now, DELAY)
            records.remove(connection, record)
        self.changes[record_id].append((now, None))

    def shown(self, now):
        """The numbers that the index shows of each record at a time."""
        table, members = schema.records, schema.plain_members
        found = {record_id: [] for record_id in self.changes}
        with self.database.read() as connection:
            index = lag.LaggingIndex(connection, now, DELAY)
            statement = select(table.c.record_id, members.c.value).join(members, members.c.seq == table.c.seq)
            for record_id, number in index.execute(statement):
                found[record_id].append(int(number))
            assert index.execute(select(func.count()).select_from(table)).scalar_one() == sum(map(len, found.values()))
        return found


@pytest.fixture
def history(database):
    """Twenty records, most with several changes in a row, some deleted."""
    made, chance = History(database), random.Random(1)  # noqa: S311 - changes to try, no secrets
    ids = [made.write() for _ in range(20)]
    for record_id in chance.choices(ids, k=60):
        made.change(record_id)
    for record_id in ids[::4]:
        made.delete(record_id)
    return made


def bounds(changes, now):
    """The first and the last change that may be the latest visible one; -1 stands for none."""
    sure = [place for place, (at, _) in enumerate(changes) if at + DELAY.longest <= now]
    possible = [place for place, (at, _) in enumerate(changes) if at + DELAY.shortest <= now]
    return max(sure, default=-1), max(possible, default=-1)


def explanations(changes, numbers):
    """Which change may be the latest visible one, where these numbers show: nothing does before the first, and after a deletion."""
    gone = [len(changes) - 1] if changes[-1][1] is None else []
    return [place for place, (_, number) in enumerate(changes) if [number] == numbers] if numbers else [-1, *gone]


def test_each_change_shows_in_its_time_one_state_at_once_and_none_comes_back(history):
    began = min(at for changes in history.changes.values() for at, _ in changes)
    latest, steps = dict.fromkeys(history.changes, -1), set()
    for step in range(150):
        now = began + step * SECOND // 2
        for record_id, numbers in history.shown(now).items():
            changes = history.changes[record_id]
            first, last = bounds(changes, now)
            places = [place for place in explanations(changes, numbers) if max(first, latest[record_id]) <= place <= last]
            assert places, (numbers, changes, first, last, latest[record_id])
            steps.add(places[0] - latest[record_id])
            latest[record_id] = places[0]
    assert max(steps) > 1, "no change overtook another"
    assert latest == {record_id: len(changes) - 1 for record_id, changes in history.changes.items()}


def test_one_instant_is_one_state(history):
    now = max(at for changes in history.changes.values() for at, _ in changes) + DELAY.longest // 3
    shown = history.shown(now)
    assert shown == history.shown(now)
    assert 0 < sum(map(len, shown.values())) < len(shown)


# Through the door


@pytest.fixture(scope="module")
def lagging(lagging_server):
    with lagging_server("0-300") as started:
        yield started


@pytest.fixture
def client(lagging):
    with lagging.register() as made:
        yield made


@pytest.fixture
def watch(call, lagging):
    """Search until all *count* records show: what was found each time, in the order of writing."""

    def run(count, **request):
        seen = []
        for _ in range(22):
            found = call("POST", SEARCH, json={"limit": 1000, **request}).json()
            seen.append([result["meta"]["record_id"] for result in found["results"]])
            assert found["total_results"] == len(seen[-1])
            if len(seen[-1]) == count:
                break
            lagging.clock.go_on(15)
        return seen

    return run


def test_records_show_one_by_one_and_out_of_order(call, upload, watch):
    ids = [call("POST", RECORDS, json=upload(plain={"n": str(number)})).json()["meta"]["record_id"] for number in range(40)]
    seen = watch(len(ids))
    assert seen[-1] == ids
    assert all(set(before) <= set(after) for before, after in pairwise(seen))
    assert any(found != ids[: len(found)] for found in seen), "the records showed in the order of writing"


def test_changed_records_are_found_by_one_state_each(call, upload, watch, lagging):
    metas = [call("POST", RECORDS, json=upload(plain={"n": "old"})).json()["meta"] for _ in range(10)]
    watch(len(metas))
    for meta in metas:
        path = f"{RECORDS}/safe/{meta['record_id']}/{meta['version']}"
        assert call("PUT", path, json=upload(plain={"n": "new"})).status_code == 200
    new = [{"terms": {"values": ["new"]}}]
    both = [{"terms": {"values": ["old", "new"]}}]
    counts = []
    while (counts or [0])[-1] < len(metas):
        counts.append(call("POST", SEARCH, json={"match": new}).json()["total_results"])
        assert call("POST", SEARCH, json={"match": both}).json()["total_results"] == len(metas)
        lagging.clock.go_on(15)
    assert counts == sorted(counts)
    assert len(set(counts)) > 2, "all changes showed at once"
