"""target-e3db: what it stores, when it passes a state on, and how it ends."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
BIN = Path(sys.executable).parent


def stored(client, record_type="t"):
    return {record.data["id"]: record.data for record in client.query_all(record_type=record_type)}


def test_the_state_is_passed_on_after_the_rows(plugins, messages, client):
    done = plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.state({"x": 1}))
    assert json.loads(done.stdout) == {"x": 1}
    assert stored(client) == {"1": {"id": "1"}}


def test_loading_again_changes_nothing(plugins, messages):
    load = [messages.schema("t", id=INTEGER), *(messages.record("t", id=number) for number in range(10))]
    plugins.load(*load)
    assert "0 created, 0 updated, 10 unchanged" in plugins.load(*load).stderr


def test_nothing_is_acknowledged_when_rows_fail(plugins, messages):
    done = plugins.load(
        messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.record("t", id="a-secret"), messages.state({"x": 1})
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "id breaks its schema (type)" in done.stderr
    assert "a-secret" not in done.stderr


def test_rows_of_a_changed_schema_keep_their_order(plugins, messages, client):
    plugins.load(
        messages.schema("t", id=INTEGER, a=TEXT),
        messages.record("t", id=1, a="old"),
        messages.schema("t", id=INTEGER, a=TEXT, b=TEXT),
        messages.record("t", id=1, a="new", b="b"),
    )
    assert stored(client) == {"1": {"id": "1", "a": "new", "b": "b"}}


def test_rows_of_a_changed_schema_keep_their_order_under_an_alias_too(plugins, messages, client):
    plugins.load(
        messages.schema("t", id=INTEGER, a=TEXT),
        messages.record("t", id=1, a="old"),
        messages.schema("t", id=INTEGER, a=TEXT, b=TEXT),
        messages.record("t", id=1, a="new"),
        messages.record("t", id=2, a="new"),
        stream_maps={"t": {"__alias__": "renamed"}},
        batch_size_rows=2,
    )
    assert stored(client, "renamed")["1"]["a"] == "new"


def test_debug_logs_hold_no_rows(plugins, messages, monkeypatch):
    monkeypatch.setenv("TARGET_E3DB_LOGLEVEL", "DEBUG")
    done = plugins.load(messages.schema("t", id=INTEGER, a=TEXT), messages.record("t", id=1, a="a-row-value"))
    assert done.returncode == 0
    assert "DEBUG" in done.stderr
    assert "a-row-value" not in done.stderr


def test_no_secret_in_about_logs_state_or_context(run, messages, client, monkeypatch, tmp_path):
    """The credentials as settings, as variables and the key secret, at the most talkative level, with a row that fails."""
    secrets = {"api_secret": client.config.api_secret, "private_key": client.config.private_key, "key_secret": SECRETS[0]}
    config = {name: getattr(client.config, name) for name in ("client_id", "api_key_id", "public_key", "api_url")}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config | {"api_secret": secrets["api_secret"], "on_error": "skip"}))
    monkeypatch.setenv("TARGET_E3DB_PRIVATE_KEY", secrets["private_key"])
    monkeypatch.setenv("TARGET_E3DB_KEY_SECRET", secrets["key_secret"])
    monkeypatch.setenv("TARGET_E3DB_LOGLEVEL", "DEBUG")
    load = [
        messages.schema("t", id=INTEGER, a=TEXT),
        messages.record("t", id=1),
        messages.state({"x": 1}),
        messages.record("t", id="a-row-value"),
    ]
    options = ("--config", path, "--config", "ENV")
    done = [
        run("target-e3db", *options, stdin="".join(json.dumps(line) + "\n" for line in load)),
        *(run("target-e3db", *options, "--about", f"--format={form}") for form in ("json", "markdown")),
    ]
    assert "DEBUG" in done[0].stderr
    assert json.loads(done[0].stdout) == {"x": 1}
    assert "1 created, 0 updated, 0 unchanged, 0 superseded, 1 failed" in done[0].stderr
    shown = "".join(each.stdout + each.stderr for each in done)
    for secret in (*secrets.values(), "a-row-value"):
        assert secret not in shown


def test_messages_may_come_out_of_a_file(run, plugins, messages, client, tmp_path):
    path = tmp_path / "messages.jsonl"
    lines = [messages.schema("t", id=INTEGER), *(messages.record("t", id=number) for number in range(3)), messages.state({"x": 1})]
    path.write_text("\r\n".join(map(json.dumps, lines)))  # of another system, and without a last end of line
    done = run("target-e3db", "--config", plugins.target_config(), "--input", path)
    assert (done.returncode, done.stdout) == (0, '{"x":1}\n'), done.stderr
    assert set(stored(client)) == {"0", "1", "2"}


def test_a_second_signal_changes_nothing(plugins, messages, client):
    feed = Feed(plugins)
    feed.send_and_wait(client, messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.state({"upto": 1}))
    for _ in range(5):
        feed.process.send_signal(signal.SIGTERM)
    assert feed.stop() == [{"upto": 1}]
    assert feed.process.returncode == 128 + signal.SIGTERM, feed.errors
    assert set(stored(client)) == {"1"}


def test_integers_may_be_written_with_a_fraction_of_zero(plugins, messages, client):
    assert plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1.0)).returncode == 0
    assert list(stored(client)) == ["1.0"]


def test_streams_without_a_key_are_appended(plugins, messages, client):
    plugins.load(messages.schema("t", key=(), id=INTEGER), messages.record("t", id=1), messages.record("t", id=1))
    assert len(list(client.query_all(record_type="t", data=False))) == 2


def test_append_only_ignores_keys(plugins, messages, client):
    plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.record("t", id=1), load_method="append-only")
    assert len(list(client.query_all(record_type="t", data=False))) == 2


def test_times_are_stored_with_all_their_digits(plugins, messages, client):
    moment = "2024-01-01T00:00:00.123456789+05:30"
    plugins.load(messages.schema("t", id=INTEGER, at={"type": "string", "format": "date-time"}), messages.record("t", id=1, at=moment))
    assert stored(client)["1"]["at"] == moment


BAD_ROWS = [{"id": 1}, {"id": "a-secret"}, {"id": 2}, {"a": "a-secret"}, {"id": 3}]


@pytest.mark.parametrize(
    ("settings", "code", "loaded"),
    [
        ({}, 1, 0),
        ({"on_error": "skip"}, 0, 3),
        ({"on_error": "dead_letter"}, 0, 3),
        ({"on_error": "skip", "max_errors": 1}, 1, 0),
        ({"on_error": "skip", "max_errors": 2}, 0, 3),
    ],
)
def test_rows_that_cannot_be_written_end_the_run_or_not(settings, code, loaded, plugins, messages, client, tmp_path):
    letters = tmp_path / "dead.jsonl"
    if settings.get("on_error") == "dead_letter":
        settings = {**settings, "dead_letter_file": str(letters)}
    rows = [messages.record("t", **row) for row in BAD_ROWS]
    done = plugins.load(messages.schema("t", id=INTEGER, a=TEXT), *rows, messages.state({"x": 1}), **settings)
    assert done.returncode == code, done.stderr
    assert (done.stdout == "") == (code == 1)
    assert len(stored(client)) == loaded
    assert "a-secret" not in done.stdout + done.stderr
    if "dead_letter_file" in settings:
        assert [(json.loads(line)["row"], json.loads(line)["error"]) for line in letters.read_text().splitlines()] == [
            (2, "UsageError"),
            (4, "MissingKey"),
        ]


def test_errors_of_all_streams_count_together(plugins, messages):
    streams = [message for name in ("t", "u") for message in (messages.schema(name, id=INTEGER), messages.record(name, id="x"))]
    assert plugins.load(*streams, on_error="skip", max_errors=2).returncode == 0
    assert plugins.load(*streams, on_error="skip", max_errors=1).returncode == 1


SECRETS = ("x" * 43, "y" * 43)


def test_another_key_secret_is_refused_until_it_is_said_what_was_before(plugins, messages, client):
    load = [messages.schema("t", id=INTEGER), messages.record("t", id=1)]
    assert plugins.load(*load, key_secret=SECRETS[0]).returncode == 0
    done = plugins.load(*load, key_secret=SECRETS[1])
    assert done.returncode == 1
    assert "key_secret is not the one of type 't'" in done.stderr
    assert SECRETS[1] not in done.stderr
    assert plugins.load(*load, key_secret=SECRETS[1], key_secret_previous=SECRETS[0]).returncode == 0
    assert plugins.load(*load, key_secret=SECRETS[1]).returncode == 0
    assert len(list(client.query_all(record_type="t", data=False))) == 1


def test_readers_that_are_named_may_read_rows_and_schema(plugins, messages, stranger):
    plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1), share_with=[stranger.client_id])
    assert {record.meta.record_type for record in stranger.query_all(writer="all")} == {"t", "singer.schema.t"}


@pytest.mark.parametrize(
    "settings", [{"key_secret": "too short"}, {"key_secret": 12345}, {"on_error": "dead_letter"}, {"on_error": "never"}, {"max_workers": 0}]
)
def test_settings_that_make_no_sense_are_refused_in_a_line(settings, plugins, messages):
    done = plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1), **settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "too short" not in done.stderr
    assert "12345" not in done.stderr


class Feed:
    """A target whose input stays open."""

    def __init__(self, plugins, **settings):
        command = [str(BIN / "target-e3db"), "--config", str(plugins.target_config(batch_size_rows=50, **settings))]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(command, **pipes, text=True)

    def send(self, *lines):
        self.process.stdin.writelines(json.dumps(line) + "\n" for line in lines)
        self.process.stdin.flush()

    def send_and_wait(self, client, *lines):
        """Send, and wait until it has been read; nothing is to be seen of that, but of the schema after it."""
        self.send(*lines, {"type": "SCHEMA", "stream": "last", "schema": {"properties": {"id": INTEGER}}, "key_properties": ["id"]})
        deadline = time.monotonic() + 60
        while not list(client.query_all(record_type="singer.schema.last", data=False)):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        output, self.errors = self.process.communicate(timeout=60)
        return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("pause", [0, 0.02, 0.1, 0.3])
def test_a_signal_never_acknowledges_what_is_not_stored(pause, plugins, messages, client):
    """SIGTERM in the middle of writing, where the SDK's own handler passes on the state of rows that it has not written."""
    feed = Feed(plugins)
    feed.send(messages.schema("t", id=INTEGER))
    for start in range(0, 1000, 10):
        feed.send(*(messages.record("t", id=number) for number in range(start, start + 10)), messages.state({"upto": start + 10}))
    while not stored(client):
        time.sleep(0.01)
    time.sleep(pause)
    states = feed.stop()
    assert feed.process.returncode == 128 + signal.SIGTERM, feed.errors
    acknowledged = states[-1]["upto"] if states else 0
    assert {str(number) for number in range(acknowledged)} <= set(stored(client))


def test_a_signal_while_waiting_for_input_writes_what_has_come(plugins, messages, client):
    feed = Feed(plugins)
    feed.send_and_wait(client, messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.state({"upto": 1}))
    assert not stored(client)
    assert feed.stop() == [{"upto": 1}]
    assert set(stored(client)) == {"1"}


def test_state_is_emitted_within_state_interval_seconds_while_rows_come(plugins, messages):
    """The SDK waits for five minutes."""
    feed = Feed(plugins, state_interval_seconds=2)
    feed.send(messages.schema("t", id=INTEGER), messages.record("t", id=1), messages.state({"upto": 1}))
    began = time.monotonic()
    lines = []
    reader = Thread(target=lambda: lines.append(feed.process.stdout.readline()))
    reader.start()
    number = 1
    while not lines and time.monotonic() - began < 60:
        number += 1
        feed.send(messages.record("t", id=number), messages.state({"upto": number}))
        time.sleep(0.1)
    assert lines
    assert 1 <= json.loads(lines[0])["upto"] <= number
    reader.join()
    feed.stop()


def test_no_secret_is_among_the_arguments_of_the_process(plugins, client):
    feed = Feed(plugins)
    arguments = Path(f"/proc/{feed.process.pid}/cmdline").read_bytes().decode()
    feed.stop(signal.SIGINT)
    assert client.config.api_secret not in arguments
    assert client.config.private_key not in arguments
