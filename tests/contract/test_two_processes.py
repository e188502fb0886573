"""Two server processes on one PostgreSQL database: what the one knows, the other knows, and time goes forwards in both."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest

from e3db_connectors import Client, Config, NoteOptions, Search
from e3db_connectors.errors import Conflict, NotFound
from e3db_connectors.wire import times

pytestmark = pytest.mark.skipif(os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite serves one process")


@pytest.fixture(scope="module")
def pair(tmp_path_factory, running_server):
    folder = tmp_path_factory.mktemp("pair")
    with running_server(folder) as first, running_server(folder) as second:
        yield first, second


@pytest.fixture
def both(pair):
    """One client, by way of the one and of the other process."""
    first, second = pair
    with first.register() as one, Client(Config.from_mapping({**one.config(), "api_url": second.url})) as other:
        yield one, other


def test_records_tokens_and_keys_of_the_one_are_the_others(both, call_as, http, pair):
    one, other = both
    written = one.write("t", {"a": "1"})
    assert other.read(written.meta.record_id) == written
    token = call_as(one).token
    answer = http("GET", f"/v1/storage/records/{written.meta.record_id}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401  # that is another server altogether
    http.url = pair[1].url
    assert http("GET", f"/v1/storage/records/{written.meta.record_id}", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_one_update_of_a_round_wins(both):
    one, other = both
    record = one.write("t", {"n": "0"})

    def attempt(client):
        try:
            return client.update(record)
        except Conflict:
            return None

    for _ in range(10):
        with ThreadPoolExecutor(8) as pool:
            won = [result for result in pool.map(attempt, [one, other] * 4) if result is not None]
        assert len(won) == 1
        record = won[0]


def test_views_are_counted_over_both(both):
    one, other = both
    note_id = one.write_note({"a": "1"}, one.config.public_key, one.config.public_signing_key, NoteOptions(max_views=3)).note_id

    def attempt(client):
        try:
            return client.read_note(note_id).data
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as pool:
        assert len([data for data in pool.map(attempt, [one, other] * 4) if data]) == 3


def test_a_time_that_was_told_is_never_undercut(both):
    """While both processes write, a reader asks for a Date and then for all that is older: nothing older appears later."""
    one, other = both
    stopped = threading.Event()

    def write(client):
        count = 0
        while not stopped.is_set():
            client.write("stream", {"n": str(count)})
            count += 1
        return count

    seen = []
    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, client) for client in (one, other, one, other)]
        for round_ in range(30):
            reader = (one, other)[round_ % 2]
            until = reader.server_time()
            search = Search(count=1000).match(record_types="stream").range(key="MODIFIED", end=until)
            seen.append((until, {record.meta.record_id for record in reader.search_all(search)}))
        stopped.set()
        written = sum(writer.result() for writer in writers)
    everything = {
        record.meta.record_id: times.parse(record.meta.last_modified) for record in one.query_all(record_type="stream", data=False)
    }
    assert len(everything) == written
    assert len(set(everything.values())) == written
    for until, ids in seen:
        assert ids == {record_id for record_id, modified in everything.items() if modified < until}


def test_the_date_goes_with_the_databases_clock(pair, http):
    http.url = pair[0].url
    with pair[0].database() as connection:
        before = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        date = parsedate_to_datetime(http("GET", "/v1/storage/servicecheck").headers["Date"])
        after = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    assert before - timedelta(seconds=2) < date <= after
