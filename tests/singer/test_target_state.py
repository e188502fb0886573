"""When target-e3db passes a state on: after the rows before it are stored, never before, and soon.

Three of these are defects of the SDK's own target. Each is shown on the SDK's behaviour first, so that a guard that is no longer
needed is noticed.
"""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from select import select

import pytest
from singer_sdk import Target

from e3db_connectors.errors import Unavailable
from e3db_connectors.singer.background import Background
from e3db_connectors.singer.target import TargetE3DB
from e3db_connectors.sync.writing import RowWriter

INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
BIN = Path(sys.executable).parent


class AtOnce(Background):
    """Writes a batch when it is given, as the SDK does."""

    def begin(self, work):
        work()


class SdkTarget(TargetE3DB):
    """The target without its guards: as the SDK has these methods."""

    name = "target-e3db"

    def __init__(self, **options):
        super().__init__(**options)
        self.background = AtOnce()

    _handle_max_record_age = Target._handle_max_record_age
    _handle_termination = Target._handle_termination
    _process_state_message = Target._process_state_message
    _process_schema_message = Target._process_schema_message


@pytest.fixture
def stored(client):
    """The ids of the rows that are stored."""
    return lambda record_type="t": {int(record.data["id"]) for record in client.query_all(record_type=record_type)}


class Watch:
    """Notes the states that are passed on before all rows that they speak for are stored."""

    def __init__(self, stored):
        self._stored, self.record_type, self.ahead = stored, "t", []

    def __call__(self, state):
        if not set(range(state["upto"])) <= self._stored(self.record_type):
            self.ahead.append(state)


@pytest.fixture
def watch(stored):
    return Watch(stored)


@pytest.fixture
def feed(messages):
    """A schema, then rows with a state after each so many."""

    def make(rows, every=1, start=0):
        lines = [messages.schema("t", id=INTEGER)]
        for number in range(start, rows):
            lines.append(messages.record("t", id=number))
            if (number + 1) % every == 0:
                lines.append(messages.state({"upto": number + 1}))
        return lines

    return make


@pytest.fixture
def break_flush(monkeypatch):
    """Make the writer fail at its n-th batch from now on, after half of the batch's rows."""
    write, left = RowWriter.write, [0]

    def breaking(self, rows):
        rows = list(rows)
        left[0] -= 1
        if left[0] == 0:
            write(self, rows[: len(rows) // 2])
            raise Unavailable("POST", "/v1/storage/records", 503, "made to fail")
        return write(self, rows)

    def install(number):
        left[0] = number

    monkeypatch.setattr(RowWriter, "write", breaking)
    return install


class TestWhileRowsCome:
    """The SDK passes states on at the end of the input or after five minutes, whatever its documentation says."""

    def load(self, target, feed, break_flush, **options):
        break_flush(3)
        with pytest.raises(Unavailable):
            target(*feed(25, every=5), state_interval_seconds=0, batch_size_rows=5, **options)
        return target.states

    def test_what_is_stored_is_passed_on_before_a_later_batch_fails(self, target, feed, break_flush, watch):
        assert self.load(target, feed, break_flush, on_state=watch) == [{"upto": 5}, {"upto": 10}]
        assert watch.ahead == []

    def test_with_the_sdk_alone_nothing_is(self, target, feed, break_flush):
        assert self.load(target, feed, break_flush, kind=SdkTarget) == []


class TestSignalWhileABatchIsWritten:
    """The SDK's handler passes on the state of rows that are just being written."""

    def load(self, target, feed, monkeypatch, **options):
        write, batches = RowWriter.write, count()

        def interrupted(self, rows):
            if next(batches) == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0)  # the handler runs between two steps of this thread
            return write(self, rows)

        monkeypatch.setattr(RowWriter, "write", interrupted)
        with pytest.raises(SystemExit) as ended:
            target(*feed(10, every=3), batch_size_rows=5, **options)
        return ended.value.code

    def test_sigterm_inside_a_write_gives_no_state_for_unwritten_rows(self, target, feed, monkeypatch, watch, stored):
        assert self.load(target, feed, monkeypatch, on_state=watch) == 128 + signal.SIGTERM
        assert watch.ahead == []
        assert set(range(5)) <= stored()

    def test_with_the_sdk_alone_one_does(self, target, feed, monkeypatch, watch):
        self.load(target, feed, monkeypatch, kind=SdkTarget, on_state=watch)
        assert watch.ahead


class TestSchemaChange:
    """The SDK parks the rows of the old schema and writes them after newer ones: the older version would win."""

    def load(self, target, messages, client, **options):
        old, new = {"id": INTEGER, "a": TEXT}, {"id": INTEGER, "a": TEXT, "b": TEXT}
        target(
            messages.schema("t", **old),
            messages.record("t", id=1, a="old"),
            messages.schema("t", **new),
            messages.record("t", id=1, a="new"),
            messages.record("t", id=2, a="new"),
            batch_size_rows=2,
            **options,
        )
        return {record.data["id"]: record.data["a"] for record in client.query_all(record_type="t")}

    def test_schema_change_keeps_write_order(self, target, messages, client):
        assert self.load(target, messages, client) == {"1": "new", "2": "new"}

    def test_with_the_sdk_alone_they_are_not(self, target, messages, client):
        assert self.load(target, messages, client, kind=SdkTarget)["1"] == "old"


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_whichever_flush_fails_no_state_is_ahead_and_the_next_run_completes(target, feed, break_flush, watch, stored, proof):
    flushes = proof.size(6, 60)
    resumed = 0
    for number in range(1, flushes + 1):
        break_flush(number)
        watch.record_type = f"t{number}"
        with pytest.raises(Unavailable):
            target(*feed(2 * flushes, every=2), on_state=watch, state_interval_seconds=0, record_type=f"t{number}")
        upto = target.states[-1]["upto"] if target.states else 0
        assert upto == 2 * (number - 1)
        target(*feed(2 * flushes, every=2, start=upto), record_type=f"t{number}")
        resumed += stored(f"t{number}") == set(range(2 * flushes))
    proof.report("a target whose n-th flush fails", flushes=flushes, states_ahead=len(watch.ahead), complete_after_resuming=resumed)
    assert watch.ahead == []
    assert resumed == flushes


def test_each_state_is_passed_on_once_and_in_order(target, feed):
    assert target(*feed(5), state_interval_seconds=0) == [{"upto": number} for number in range(1, 6)]


def test_the_digits_of_a_state_stay_as_they_are(plugins):
    stdin = '{"type": "STATE", "value": {"cursor": 1.10, "id": 12345678901234567890123, "text": "\\ud83d\\ude00"}}\n'
    done = plugins._run("target-e3db", "--config", plugins.target_config(), stdin=stdin)
    assert done.stdout.replace(" ", "") == '{"cursor":1.10,"id":12345678901234567890123,"text":"\\ud83d\\ude00"}\n'


class Feed:
    """A target whose input stays open."""

    def __init__(self, plugins, **settings):
        command = [str(BIN / "target-e3db"), "--config", str(plugins.target_config(**settings))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def send(self, *lines):
        for line in lines:
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
        self.process.stdin.flush()

    def state(self, seconds):
        """The next state, or None if none comes in time."""
        ready, _, _ = select([self.process.stdout], [], [], seconds)
        return json.loads(self.process.stdout.readline()) if ready else None


@pytest.fixture
def open_feed(plugins):
    feeds = []

    def start(**settings):
        feeds.append(Feed(plugins, **settings))
        return feeds[-1]

    yield start
    for each in feeds:
        each.process.kill()
        each.process.communicate()


def test_state_is_emitted_within_state_interval_seconds_while_the_input_is_silent(open_feed, feed, stored):
    quiet = open_feed(state_interval_seconds=2)
    quiet.send(*feed(1))
    assert quiet.state(60) == {"upto": 1}
    assert stored() == {0}
    waits = []
    for number in range(1, 4):  # not once: on a busy machine its state may be seen late, and the next soon after
        began = time.monotonic()
        quiet.send(*feed(number + 1, start=number)[1:])
        assert quiet.state(60) == {"upto": number + 1}
        waits.append(time.monotonic() - began)
        if 1.5 <= waits[-1] < 10:
            break
    else:
        pytest.fail(f"states came after {waits} seconds")


def test_a_line_that_comes_in_pieces_is_one(open_feed, feed):
    slow = open_feed(state_interval_seconds=0.1)
    text = b"".join(json.dumps(line).encode() + b"\n" for line in feed(1))
    for start in range(0, len(text), 50):
        slow.process.stdin.write(text[start : start + 50])
        slow.process.stdin.flush()
        time.sleep(0.3 if start == 50 else 0.01)
    assert slow.state(60) == {"upto": 1}
