"""What tap-e3db writes: the same bytes by page loop and by the SDK's loop, STATEs after their records, and whole lines until the end."""

import json
import re
import signal
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from types import SimpleNamespace

import pytest

from e3db_connectors.client.bulk import NewRecord
from e3db_connectors.errors import ConfigError
from e3db_connectors.singer import page_loop
from e3db_connectors.singer.output import MessageWriter
from e3db_connectors.singer.page_loop import PagedStream

TAP = """
import sys
from e3db_connectors.singer import tap
tap._GRACE_SECONDS = int(sys.argv.pop(1))
tap.main()
"""
SCHEMAS = {"contact": {"name": {"type": "string"}, "number": {"type": "number"}, "any": {}}}
VALUES = [
    {"name": 'é\n"日本"\u0000\u007f', "number": "1.10", "any": '{"a": [1, null, "x"]}'},
    {"name": "", "number": "1E+400", "any": "12345678901234567890123456789"},
    {"name": "x" * 1000, "number": "-0.0", "any": "[]"},
    {"unknown": "u"},
]


@pytest.fixture
def contacts(client):
    for data in VALUES:
        client.write("contact", data, {"city": "Porto"})


@pytest.fixture
def many(client):
    """Three hundred records, as a set of their ids."""
    written = client.write_many(NewRecord("contact", {"name": f"{number:03}" + "x" * 1000}) for number in range(300))
    return {each.value.meta.record_id for each in written}


def by_sdk(monkeypatch):
    """Let the SDK's own loop run, as with stream maps."""
    monkeypatch.setattr(PagedStream, "_rows_go_out_as_they_are", lambda _stream: False)


def timeless(text):
    """Without the times of the run itself."""
    text = re.sub(r'"(time_extracted|replication_key_signpost|replication_key_value|start|end)":"[^"]*"', r'"\1":""', text)
    return re.sub(r'"version":\d{13}', '"version":0', text)


@pytest.mark.usefixtures("contacts")
class TestPageLoop:
    def ways(self, tap, monkeypatch, **options):
        catalog = options.pop("catalog", None)
        with monkeypatch.context() as patched:
            fast = tap(catalog=catalog, schemas=SCHEMAS, **options), tap.text
            by_sdk(patched)
            slow = tap(catalog=catalog, schemas=SCHEMAS, **options), tap.text
        assert len(fast[0].rows("contact")) == len(VALUES)
        return timeless(fast[1]), timeless(slow[1])

    def test_its_bytes_are_those_of_the_sdks_loop(self, tap, monkeypatch):
        fast, slow = self.ways(tap, monkeypatch)
        assert fast == slow
        assert all(literal in fast for literal in ('"number":1.10', '"number":1E+400', '"number":-0.0', "日本"))

    def test_so_they_are_with_deselected_columns(self, tap, plugins, monkeypatch):
        catalog = plugins.discover(schemas=SCHEMAS)
        for item in catalog["streams"][0]["metadata"]:
            item["metadata"]["selected"] = item["breadcrumb"] not in (["properties", "name"], ["properties", "_e3db_plain"])
        fast, slow = self.ways(tap, monkeypatch, catalog=catalog)
        assert fast == slow
        assert "Porto" not in fast
        assert '"name"' not in fast

    def test_so_they_are_in_small_pages_with_a_state_after_each_and_in_full_tables(self, tap, monkeypatch):
        def full(made):
            for stream in made.streams.values():
                stream.forced_replication_method = "FULL_TABLE"

        fast, slow = self.ways(tap, monkeypatch, page_size=1, max_workers=1, state_interval_seconds=0)
        assert fast == slow
        assert fast.count('"type":"STATE"') >= len(VALUES)
        fast, slow = self.ways(tap, monkeypatch, before=full)
        assert fast == slow
        assert '"version":0' in fast

    @pytest.mark.parametrize(
        "settings",
        [
            {"stream_maps": {"contact": {"name": "name"}}},
            {"stream_maps": {"contact": {"__alias__": "other"}}},
            {"flattening_enabled": True, "flattening_max_depth": 1},
        ],
    )
    def test_stream_maps_and_flattening_go_through_the_sdk(self, settings, tap, monkeypatch):
        monkeypatch.setattr(MessageWriter, "write_records", None)
        assert len(tap(**settings, schemas=SCHEMAS).of("RECORD")) == len(VALUES)

    def test_so_does_what_is_deselected_within_a_column(self, tap, plugins, monkeypatch):
        monkeypatch.setattr(MessageWriter, "write_records", None)
        catalog = plugins.discover()
        catalog["streams"][0]["metadata"].append(
            {"breadcrumb": ["properties", "_e3db_plain", "properties", "city"], "metadata": {"selected": False}}
        )
        catalog["streams"][0]["metadata"][0]["metadata"]["selected"] = True
        assert [row["_e3db_plain"] for row in tap(catalog=catalog).rows("contact")] == [{}] * len(VALUES)

    def test_batch_is_refused(self, tap):
        with pytest.raises(ConfigError, match="batch_config: this tap sends no BATCH messages"):
            tap(batch_config={"encoding": {"format": "jsonl"}, "storage": {"root": "file://x"}})


class TestState:
    def test_one_comes_within_state_interval_seconds(self, tap, many, monkeypatch):
        """By a clock that goes on four seconds with each page."""
        moments = iter(range(0, 100_000, 4))
        monkeypatch.setattr(page_loop, "time", SimpleNamespace(monotonic=lambda: next(moments)))
        output = tap(page_size=10, max_workers=1, state_interval_seconds=60)
        kinds = [message["type"] for message in output.messages]
        gaps = [len(list(group)) for group in re.findall("R+", "".join(kind[0] for kind in kinds if kind != "SCHEMA"))]
        assert sum(gaps) == len(many)
        assert 10 < max(gaps) <= 160

    def test_without_an_interval_there_is_one_at_the_end(self, tap, many):
        output = tap(page_size=10, state_interval_seconds=10**6)
        assert len(output.rows("contact")) == len(many)
        assert [message["type"] for message in output.messages].index("STATE") == len(output.messages) - 1

    @pytest.mark.parametrize("loop", ["pages", "sdk"])
    def test_each_comes_after_its_records(self, loop, tap, many, monkeypatch):
        """What is before a STATE and what a run from it gives are everything."""
        if loop == "sdk":
            by_sdk(monkeypatch)
        output = tap(page_size=40, max_workers=2, state_interval_seconds=0)
        cuts = [number for number, message in enumerate(output.messages) if message["type"] == "STATE"]
        assert len(cuts) > 5
        for cut in cuts[:: len(cuts) // 4]:
            before = {message["record"]["_e3db_record_id"] for message in output.messages[:cut] if message["type"] == "RECORD"}
            after = {row["_e3db_record_id"] for row in tap(state=output.messages[cut]["value"], settle=False).rows("contact")}
            assert before | after == many
            assert len(after) < len(many) or not before


def is_full(pipe):
    """Whether no whole page of memory is left in a pipe."""
    return int.from_bytes(ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder) > 60_000


class TestSignals:
    @pytest.fixture
    def start(self, plugins, many):
        """Start a tap whose output nobody reads yet; its lines are more than a pipe holds."""
        assert many
        plugins.settle()
        started = []

        def begin(grace=60, **settings):
            config = plugins.tap_config(**{"page_size": 20, "max_workers": 2, "state_interval_seconds": 0, **settings})
            command = [sys.executable, "-c", TAP, str(grace), "--config", str(config)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            started.append(process)
            return process

        yield begin
        for process in started:
            process.kill()
            process.wait()
            process.stdout.close()

    def resumed(self, tap, lines):
        messages = [json.loads(line) for line in lines]
        states = [message["value"] for message in messages if message["type"] == "STATE"]
        before = {message["record"]["_e3db_record_id"] for message in messages if message["type"] == "RECORD"}
        after = {row["_e3db_record_id"] for row in tap(state=states[-1] if states else None).rows("contact")}
        return before, after

    @pytest.mark.parametrize("settings", [{}, {"stream_maps": {"contact": {"name": "name"}}}])
    def test_sigterm_ends_with_whole_lines_and_a_state_to_go_on_from(self, settings, start, tap, many):
        process = start(state_interval_seconds=10**6, **settings)
        lines = [process.stdout.readline() for _ in range(30)]
        process.send_signal(signal.SIGTERM)
        lines += process.stdout.readlines()
        assert process.wait(60) == 128 + signal.SIGTERM
        assert json.loads(lines[-1])["type"] == "STATE"
        before, after = self.resumed(tap, lines)
        assert before | after == many
        assert len(before) < len(many)
        assert len(after) < len(many)

    def test_a_signal_before_anything_is_read_writes_no_state_over_the_last_one(self, tap, client, capsys):
        client.write("contact", {"name": "n"})

        def interrupted(made):
            assert made.streams
            with pytest.raises(SystemExit):
                made._terminate(signal.SIGTERM)
            assert capsys.readouterr().out == ""

        assert tap(before=interrupted).rows("contact")

    def test_sigterm_ends_a_tap_whose_reader_has_stopped(self, start):
        process = start(grace=2, page_size=300)
        process.stdout.readline()
        while not is_full(process.stdout):
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGALRM

    def test_sigkill_anywhere_loses_nothing(self, start, tap, many):
        process = start()
        lines = [process.stdout.readline() for _ in range(100)]
        process.kill()
        lines += [line for line in process.stdout.readlines() if line.endswith(b"\n")]
        before, after = self.resumed(tap, lines)
        assert before | after == many
        assert len(after) < len(many)
