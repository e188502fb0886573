"""Reading changes from a real server: pages, resuming, sharing, deletes, bad records, crowds."""

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from e3db_connectors.errors import IntegrityError, StateError
from e3db_connectors.sync import RecordFailures, Tuning, read_pages
from e3db_connectors.sync.reading import ClientSource
from e3db_connectors.sync.reading.failures import record_ids
from e3db_connectors.sync.reading.full import FullRead, live_versions, look_for, read_by_id
from e3db_connectors.sync.report import Run
from e3db_connectors.wire import times

AT_ONCE = Tuning(lookback_seconds=1, settle_seconds=0)


class Table:
    """A warehouse: rows by key, in the order of their arrival."""

    def __init__(self, client, **options):
        self.client, self.options, self.state, self.rows = client, {"tuning": AT_ONCE, **options}, None, {}

    def sync(self, **options):
        given = []
        for page in read_pages(self.client, "note", state=self.state, **{**self.options, **options}):
            given += page.rows
            self.rows |= {row["_e3db_record_id"]: row for row in page.rows}
            self.state = page.state
        return given


@pytest.fixture
def table(client):
    return Table(client)


def test_rows_are_decrypted_and_come_once(client, table):
    written = client.write("note", {"text": "hello"}, {"tag": "x"})
    [row] = table.sync()
    assert (row["text"], row["_e3db_record_id"], row["_e3db_plain"]) == ("hello", written.meta.record_id, {"tag": "x"})
    assert table.sync() == []
    written.data["text"] = "bye"
    client.update(written)
    assert [row["text"] for row in table.sync()] == ["bye"]


def test_columns_that_were_not_asked_for_are_left_out(client, table):
    client.write("note", {"text": "hello", "secret": "s"})
    run = Run(client, "note")
    [row] = table.sync(columns=["text"], run=run)
    assert "secret" not in row
    report = run.report(table.state)
    assert (report.fields.decrypted, report.fields.untouched, report.rows) == (1, 1, 1)


def test_a_span_has_a_beginning_and_an_end(client, table):
    for number in range(3):
        client.write("note", {"n": str(number)})
        if not number:
            first = client.server_time()
            time.sleep(1.1)
    middle = client.server_time()
    assert len(table.sync(since=first, until="2999-01-01T00:00:00Z")) <= 3
    other = Table(client)
    assert {row["n"] for row in other.sync(until=middle)} <= {"0", "1", "2"}
    assert other.sync(since=datetime(2999, 1, 1, tzinfo=UTC)) == []


def test_a_state_of_another_type_is_refused(client, table):
    client.write("note", {"n": "1"})
    table.sync()
    with pytest.raises(StateError):
        next(read_pages(client, "letter", state=table.state))


def test_a_late_share_brings_old_records_and_a_revoke_takes_nothing_back(client, stranger):
    stranger.write("note", {"n": "theirs"})
    ours = client.write("note", {"n": "ours"})
    while client.server_time() <= times.parse(ours.meta.last_modified):  # so both lie before the bookmark, in the look-back
        time.sleep(0.05)
    table = Table(client, all_writers=True, tuning=Tuning(lookback_seconds=60, settle_seconds=0))
    assert [row["n"] for row in table.sync()] == ["ours"]
    stranger.share("note", client.client_id)
    assert [row["n"] for row in table.sync()] == ["theirs"]
    stranger.revoke("note", client.client_id)
    stranger.write("note", {"n": "hidden"})
    assert table.sync() == []
    stranger.share("note", client.client_id)
    assert sorted(row["n"] for row in table.sync()) == ["hidden", "theirs"]
    assert len(table.rows) == 3


def test_grants_are_told_apart_where_the_server_does_not_date_them(client, stranger, monkeypatch):
    listed = client.incoming_sharing

    def undated():
        return [type(share)(share.writer_id, share.record_type) for share in listed()]

    monkeypatch.setattr(client, "incoming_sharing", undated)
    stranger.write("note", {"n": "1"})
    stranger.share("note", client.client_id)
    table = Table(client, all_writers=True)
    assert len(table.sync()) == 1
    stranger.revoke("note", client.client_id)
    stranger.write("note", {"n": "2"})
    time.sleep(2.1)
    client.write("note", {"n": "3"})
    table.sync()
    stranger.share("note", client.client_id)
    assert {row["n"] for row in table.sync()} == {"1", "2"}


def test_a_full_read_is_whole_unless_something_was_skipped(client):
    records = [client.write("note", {"n": str(number)}) for number in range(25)]
    read = FullRead(ClientSource(client), "note", page_size=10)
    assert sum(len(page) for page in read.pages()) == 25
    assert read.is_whole

    def opener(result):
        if result.meta.record_id == records[3].meta.record_id:
            raise IntegrityError("no")
        return result

    failures = RecordFailures("skip")
    read = FullRead(ClientSource(client), "note", page_size=10, opener=opener, on_failure=failures)
    assert sum(len(page) for page in read.pages()) == 24
    assert not read.is_whole
    assert failures.classes == {"IntegrityError": 1}


def test_a_full_read_in_which_a_share_ends_is_not_whole(client, stranger):
    stranger.share("note", client.client_id)
    for number in range(4):
        (client, stranger)[number % 2].write("note", {"n": str(number)})
    read = FullRead(ClientSource(client), "note", all_writers=True, page_size=1)
    for _ in read.pages():
        stranger.revoke("note", client.client_id)
    assert not read.is_whole


def test_deleted_records_are_told_from_lost_ones(client, stranger):
    stranger.share("note", client.client_id)
    ours, theirs = [client.write("note", {"n": "1"}) for _ in range(3)], [stranger.write("note", {"n": "2"}) for _ in range(2)]
    source = ClientSource(client)
    live = {record_id for page in live_versions(source, "note", all_writers=True) for record_id, _ in page}
    writers = {record.meta.record_id: record.meta.writer_id for record in (*ours, *theirs)}
    assert live == writers.keys()
    client.delete(ours[0].meta.record_id, ours[0].meta.version)
    stranger.delete(theirs[0].meta.record_id, theirs[0].meta.version)
    found = look_for(source, "note", writers)
    assert found.deleted == {ours[0].meta.record_id, theirs[0].meta.record_id}
    assert found.present == {ours[1].meta.record_id, ours[2].meta.record_id, theirs[1].meta.record_id}
    stranger.revoke("note", client.client_id)
    found = look_for(source, "note", writers)
    assert found.deleted == {ours[0].meta.record_id}
    assert found.lost == {record.meta.record_id for record in theirs}


def test_bad_records_go_into_the_dead_letter_file_and_can_be_read_again(client, tmp_path, monkeypatch):
    records = [client.write("note", {"n": str(number)}) for number in range(10)]
    bad = {records[2].meta.record_id, records[7].meta.record_id}
    opened = client.open

    def corrupt(result, fields=None):
        if result.meta.record_id in bad:
            raise IntegrityError("it does not open")
        return opened(result, fields)

    monkeypatch.setattr(client, "open", corrupt)
    table, file = Table(client), tmp_path / "dead.jsonl"
    assert len(table.sync(failures=RecordFailures("dead_letter", dead_letter_file=file))) == 8
    assert set(record_ids(file)) == bad
    assert all(field not in file.read_text() for field in ('"n"', "data"))
    monkeypatch.setattr(client, "open", opened)
    assert {result.meta.record_id for page in read_by_id(ClientSource(client), "note", record_ids(file)) for result in page} == bad
    monkeypatch.setattr(client, "open", corrupt)
    with pytest.raises(IntegrityError):
        Table(client).sync()


def test_the_code_of_the_page_runs(client, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "sync.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    client.config.write()
    written = client.write("contact", {"name": "Ada", "age": "36"})
    names = {}
    exec(compile(first, "docs/sync.md", "exec"), names)  # noqa: S102 - what is tested
    assert names["warehouse"][written.meta.record_id]["name"] == "Ada"
    kept = {}
    dlt = SimpleNamespace(resource=lambda **_hints: lambda made: made, current=SimpleNamespace(resource_state=lambda: kept))
    monkeypatch.setitem(sys.modules, "dlt", dlt)
    exec(compile(second, "docs/sync.md", "exec"), names)  # noqa: S102 - what is tested
    assert [row["name"] for rows in names["contacts"](client) for row in rows] == ["Ada"]
    assert [row for rows in names["contacts"](client) for row in rows] == []
