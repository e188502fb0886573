"""Pitfalls of taps, each as a test. Others of them: test_tap.py (`--test`, look-back), test_tap_output.py (page loop, BATCH, STATE, kills)."""

import json
import re
import subprocess
import sys
import time
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import MetaData, insert, select, update

from e3db_connectors import Client
from e3db_connectors.errors import WindowExceeded

STANDARD = """
import json, os
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.templates import TapTestTemplate
from e3db_connectors.singer.tap import TapE3DB

class EveryStreamHasABookmark(TapTestTemplate):
    name = "every_stream_has_a_bookmark"

    def test(self):
        bookmarks = self.runner.state_messages[-1]["value"]["bookmarks"]
        assert set(bookmarks) == set(self.tap.streams)
        assert not any("progress_markers" in entry for entry in bookmarks.values())

TestTapE3DB = get_tap_test_class(
    TapE3DB,
    config=json.load(open(os.environ["STANDARD_CONFIG"])),
    suite_config=SuiteConfig(max_records_limit=150),
    custom_suites=[SingerTestSuite("tap", [EveryStreamHasABookmark])],
)
"""


@pytest.fixture
def change(server):
    """Do something to the server's table of records."""

    def do(action):
        with server.database() as database:
            metadata = MetaData()
            metadata.reflect(database, only=["records"])
            action(database, metadata.tables["records"])

    return do


def test_the_sdks_own_tests_for_taps_pass(client, plugins, tmp_path):
    for number in range(3):
        client.write("contact", {"name": f"n{number}"}, {"city": "Porto"})
    client.write("sensor-reading", {"value": "7"})
    plugins.settle()
    path = tmp_path / "test_standard.py"
    path.write_text(STANDARD)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    environment = {
        "STANDARD_CONFIG": str(plugins.tap_config(detect_deletes=True, schemas={"sensor-reading": {"value": {"type": "integer"}}}))
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "-c", tmp_path / "pytest.ini", path]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 30
    assert "skipped" not in done.stdout


def test_a_future_dated_record_does_not_move_the_bookmark(client, change, tap):
    record = client.write("contact", {"name": "future"})
    client.write("contact", {"name": "now"})
    far = int((time.time() + 70 * 366 * 86400) * 1_000_000)
    this = record.meta.record_id
    change(lambda database, records: database.execute(update(records).where(records.c.record_id == this).values(last_modified=far)))
    output = tap()
    assert sorted(row["name"] for row in output.rows("contact")) == ["future", "now"]
    assert output.state["bookmarks"]["contact"]["replication_key_value"] <= time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 2))
    client.write("contact", {"name": "later"})
    assert "later" in [row["name"] for row in tap(state=output.state).rows("contact")]


def test_more_than_10k_on_one_timestamp_that_cannot_be_told_apart_fail_loudly(client, change, tap):
    """With a search that returns 16 at most instead of 10,000; the times lie within a millisecond, and the ids begin alike."""
    record = client.write("contact", {"name": "n"})

    def copy(database, records):
        row = dict(database.execute(select(records).where(records.c.record_id == record.meta.record_id)).mappings().one())
        del row["seq"]
        row["last_modified"] = (row["last_modified"] // 1000 - 1000) * 1000
        ids = [f"abc{number:05x}-0000-4000-8000-{uuid.uuid4().hex[:12]}" for number in range(20)]
        copies = [row | {"record_id": each, "last_modified": row["last_modified"] + number} for number, each in enumerate(ids)]
        database.execute(insert(records), copies)

    def narrow(made):
        stream = made.streams["contact"]
        stream._options = replace(stream._options, tuning=replace(stream._options.tuning, search_window=16, page_size=5))

    change(copy)
    with pytest.raises(WindowExceeded, match=r"more records were changed at \d{4}-.*Z than a search can tell apart"):
        tap(before=narrow)
    assert tap.text.count('"type":"RECORD"') <= 1
    assert len(tap().rows("contact")) == 21


def test_an_update_during_paging_loses_nothing(client, tap, monkeypatch):
    written = [client.write("contact", {"name": f"n{number:02}"}) for number in range(20)]
    search, calls = Client.search_page, []

    def meanwhile(self, request):
        if request.next_token:
            calls.append(request)
            if len(calls) == 1:
                client.update(written[2])
        return search(self, request)

    monkeypatch.setattr(Client, "search_page", meanwhile)
    first = tap(page_size=5, max_workers=1, start_date=written[0].meta.last_modified[:10])
    second = tap(page_size=5, max_workers=1, start_date=written[0].meta.last_modified[:10], state=first.state)
    assert calls
    versions = {row["_e3db_record_id"]: row["_e3db_version"] for output in (first, second) for row in output.rows("contact")}
    assert versions.keys() == {record.meta.record_id for record in written}
    assert versions[written[2].meta.record_id] == client.read(written[2].meta.record_id).meta.version


def test_a_sync_without_changes_costs_three_requests_a_stream(client, tap, caplog):
    for record_type in ("contact", "reading"):
        client.write(record_type, {"name": "n"})
    state = tap().state
    caplog.set_level("INFO")
    caplog.clear()  # whether the first run was seen depends on what ran before
    assert tap(state=state).of("RECORD") == []
    requests = [int(found[1]) for found in re.finditer(r"in (\d+) requests", caplog.text)]
    assert len(requests) == 2
    assert max(requests) <= 3


@pytest.mark.parametrize("bookmark", ["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "2020-01-01T01:00:00.500001+01:00"])
def test_mixed_precision_timestamps_are_normalised(bookmark, client, tap):
    client.write("contact", {"name": "n"})
    state = {"bookmarks": {"contact": {"replication_key": "_e3db_last_modified", "replication_key_value": bookmark}}}
    output = tap(state=state)
    times = [row[column] for row in output.rows("contact") for column in ("_e3db_created", "_e3db_last_modified")]
    times.append(output.state["bookmarks"]["contact"]["replication_key_value"])
    assert len(times) == 3
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text) for text in times)


def test_no_secret_in_about_logs_state_or_context(client, run, plugins, monkeypatch, tmp_path):
    key = "c2VjcmV0LXBzZXVkb255bS1rZXktb2YtMzItYnl0ZXM"
    client.write("contact", {"name": "plaintext-of-a-field"})
    plugins.settle()
    monkeypatch.setenv("TAP_E3DB_LOGLEVEL", "DEBUG")
    credentials = {name: value for name, value in client.config().items() if value and name != "version"}
    columns = {"rules": [{"rule": "pseudonym", "column": "name"}]}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**credentials, "pseudonym_key": key, "columns": columns, "settle_seconds": 0}))
    shown = []
    for arguments in (["--about"], ["--about", "--format=json"], ["--discover"], [], ["--state", "nowhere"]):
        done = run("tap-e3db", "--config", path, *arguments)
        shown.append(done.stdout + done.stderr)
    assert '"name":"p1.' in shown[3]
    secrets = [key, "plaintext-of-a-field", *(credentials[name] for name in ("api_secret", "private_key", "private_signing_key"))]
    assert not [secret for secret in secrets for text in shown if secret in text]
