"""A clock that is set back while the server is stopped, or killed: no record is dated below a Date that was sent."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from e3db_connectors import Client
from e3db_connectors.sync import Tuning, read_pages
from e3db_connectors.wire import times

POSTGRES = os.environ.get("TEST_DATABASE") == "postgresql"
only_sqlite = pytest.mark.skipif(POSTGRES, reason="on PostgreSQL it is the database's clock")
only_postgres = pytest.mark.skipif(not POSTGRES, reason="on SQLite it is the machine's clock")

SHIFTED = """
import sys, time
offset, rate, began, real = int(sys.argv.pop(1)), int(sys.argv.pop(1)), time.time_ns(), time.time_ns
time.time_ns = lambda: began + (real() - began) * rate + offset * 10**9
from e3db_connectors.cli import main
main()
"""


class Shifted:
    """A server whose clock is off, or too fast."""

    def __init__(self, process, url, session):
        self.process, self.url, self.session = process, url, session

    def date(self):
        answer = self.session.get(self.url + "/v1/storage/servicecheck", timeout=30)
        return parsedate_to_datetime(answer.headers["Date"])

    def kill(self):
        self.process.kill()
        self.process.wait(60)


@pytest.fixture
def start(database_url, registration_token, session, tmp_path):
    """Start a server on this test's database, with a clock that is *offset* seconds off and runs *rate* times as fast."""

    @contextmanager
    def started(offset=0, rate=1):
        environment = {**os.environ, "E3DB_SERVER_DATABASE": database_url(tmp_path), "E3DB_SERVER_REGISTRATION_TOKEN": registration_token}
        command = [sys.executable, "-c", SHIFTED, str(offset), str(rate), "serve", "--port", "0", "--files-dir", str(tmp_path / "files")]
        with (tmp_path / "server.log").open("a") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        with process:
            try:
                line = process.stdout.readline()
                assert line.startswith("listening on "), (tmp_path / "server.log").read_text()
                yield Shifted(process, line.split()[-1], session)
                process.terminate()
                assert process.wait(60) in {0, -9}
            finally:
                process.kill()

    return started


@pytest.fixture
def register(registration_token):
    return lambda server: Client.register(registration_token, "tester", api_url=server.url).config


@pytest.fixture
def bound(database_url, tmp_path):
    """What is stored about the times that were told; with a number, after it was raised by so many seconds."""
    from sqlalchemy import create_engine, select, update

    from e3db_connectors.server.store.schema import told

    engine = create_engine(database_url(tmp_path))

    def stored(add=0):
        with engine.begin() as connection:
            if add:
                connection.execute(update(told).values(bound=told.c.bound + add * 1_000_000))
            return times.from_micros(connection.scalar(select(told.c.bound)))

    yield stored
    engine.dispose()


def ahead(date):
    """Seconds that a Date is ahead of the time now."""
    return (date - datetime.now(UTC)).total_seconds()


def is_near(server, most=0.0):
    """Whether a Date is the time at which it was asked for, but for its fraction, or up to so many seconds ahead."""
    before = datetime.now(UTC)
    date = server.date()
    return before - timedelta(seconds=2) < date <= datetime.now(UTC) + timedelta(seconds=most)


def at(config, server):
    return Client({**config(), "api_url": server.url})


@only_sqlite
@pytest.mark.parametrize(("back", "killed"), [(3600, False), (86_400, True)], ids=["an-hour-stopped", "a-day-killed"])
def test_a_clock_that_was_set_back_undercuts_nothing(start, register, back, killed):
    with start() as server:
        config = register(server)
        with at(config, server) as client:
            kept = client.write("t", {})
            last = client.write("t", {})
            client.delete(last.meta.record_id, last.meta.version)  # its time is stored no more
            seen = max(client.server_time(), server.date())
        if killed:
            server.kill()
    with start(-back) as server, at(config, server) as client:
        assert server.date() >= seen
        modified = [client.update(kept).meta.last_modified, client.write("t", {}).meta.last_modified]
        assert times.parse(modified[0]) >= seen
        assert last.meta.last_modified < modified[0] < modified[1]
        assert client.read(kept.meta.record_id).data == {}
        assert ahead(server.date()) < 5.5


@only_sqlite
def test_after_a_kill_the_date_is_a_few_seconds_ahead_at_most_and_after_a_stop_not_at_all(start):
    for _ in range(2):
        with start() as server:
            assert is_near(server, 5.5)
            server.kill()
    with start() as server:
        server.date()
        time.sleep(max(0.0, ahead(server.date())))
    with start() as server:
        assert is_near(server)


@only_sqlite
def test_a_day_that_was_told_by_mistake_stays(start, register):
    with start(86_400) as server:
        config = register(server)
        with at(config, server) as client:
            first = client.write("t", {})
            seen = server.date()
    assert ahead(seen) > 86_000
    last = datetime.now(UTC) + timedelta(seconds=86_401)
    with start() as server, at(config, server) as client:
        stamps = [first.meta.last_modified] + [client.write("t", {}).meta.last_modified for _ in range(3)]
        assert stamps == sorted(set(stamps))
        assert seen <= server.date() < last
        assert seen < times.parse(stamps[-1]) < last


@only_sqlite
@pytest.mark.proof
def test_a_clock_that_is_ahead_for_one_run_costs_a_reader_nothing(start, register, proof):
    """Stepped forward for one run and back, again and again; changes before, meanwhile and after."""
    config, warehouse, versions, state, store, future = None, {}, [], None, {}, 0
    offsets = [0, *(offset for ahead in (3600, 86_400, 7 * 86_400)[: proof.size(1, 3)] for offset in (ahead, 0))]
    for offset in offsets:
        with start(offset) as server:
            config = config or register(server)
            with at(config, server) as client:
                for record_id in list(store)[::3]:
                    store[record_id] = client.update(store[record_id])
                for record_id in list(store)[1::10]:
                    gone = store.pop(record_id)
                    client.delete(record_id, gone.meta.version)
                for number in range(15):
                    made = client.write("note", {"n": str(number)})
                    store[made.meta.record_id] = made
                for page in read_pages(client, "note", state=state, tuning=Tuning(lookback_seconds=2, settle_seconds=0)):
                    versions += [row["_e3db_version"] for row in page.rows]
                    warehouse |= {row["_e3db_record_id"]: row["_e3db_version"] for row in page.rows}
                    state = page.state
                future += times.parse(state["replication_key_value"]) > client.server_time()
    lost = sum(warehouse.get(record_id) != record.meta.version for record_id, record in store.items())
    doubled = len(versions) - len(set(versions))
    proof.report("a server's clock stepped forward for one run and back", runs=len(offsets), rows=len(versions), lost=lost, doubled=doubled)
    assert (lost, doubled, future) == (0, 0, 0)


@only_sqlite
def test_the_date_keeps_up_is_never_ahead_of_what_is_stored_and_is_right_after_a_rest(start, bound):
    """Ten seconds in one."""
    with start(rate=10) as server:
        first, began = server.date(), time.monotonic()
        keeps_up = []
        for pause in [0.02] * 40 + [0.8] + [0.02] * 20:
            time.sleep(pause)
            passed = (time.monotonic() - began) * 10
            date = server.date()
            assert date <= bound()
            keeps_up.append((date - first).total_seconds() > passed - 3)
        assert sum(keeps_up) > 40, keeps_up  # not all: a busy machine may hold up who stores the bound


def answers_soon(server, limit):
    """Whether a Date, which is not above *limit*, comes before a write is given up."""
    began = time.monotonic()
    assert server.date() <= limit
    return time.monotonic() - began < 2.5


@only_sqlite
def test_while_nothing_can_be_stored_the_date_stays_and_everything_else_goes_on(start, bound, database_url, tmp_path):
    from sqlalchemy import create_engine

    with start(rate=20) as server:
        server.date()
        engine = create_engine(database_url(tmp_path))
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            limit = bound()
            time.sleep(0.5)
            assert any(answers_soon(server, limit) for _ in range(3))
        engine.dispose()
        deadline = time.monotonic() + 30
        while server.date() <= limit:
            assert time.monotonic() < deadline


@only_postgres
def test_times_that_another_process_told_are_not_undercut(start, register, bound):
    """As if the database's clock had been set back an hour after another process told the time."""
    with start() as first:
        config = register(first)
        with at(config, first) as client:
            kept = client.write("t", {})
        first.date()
        told = bound(add=3600)
        with start() as second:
            for server in (first, second):
                with at(config, server) as client:
                    assert server.date() >= told.replace(microsecond=0)
                    kept = client.update(kept)
                    assert times.parse(kept.meta.last_modified) > told
    with start() as server, at(config, server) as client:
        assert server.date() >= told.replace(microsecond=0)
        assert client.write("t", {}).meta.last_modified > kept.meta.last_modified


@only_postgres
def test_no_date_is_ahead_of_what_is_stored(start, bound):
    with start() as server:
        for _ in range(12):
            assert server.date() <= bound()
            assert is_near(server)
            time.sleep(0.1)


@only_postgres
def test_while_no_time_can_be_stored_the_date_stays(start, database_url, tmp_path):
    from sqlalchemy import create_engine

    with start() as server:
        date = server.date()
        engine = create_engine(database_url(tmp_path))
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT * FROM told FOR UPDATE")
            time.sleep(1.1)
            assert server.date() == date
        engine.dispose()
        deadline = time.monotonic() + 30
        while server.date() <= date:
            assert time.monotonic() < deadline
