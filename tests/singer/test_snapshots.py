"""Whole runs of tap and target, exit code, stdout and stderr, as files in tests/snapshots/; what changes from run to run is put aside.

    UPDATE_SNAPSHOTS=1 python -m pytest tests/singer/test_snapshots.py

writes them anew. Look at what git shows then: it is what users will see.
"""

import json
import os
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "snapshots"
INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
ASIDE = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "id"),
    (r"(?<=\")2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z|(?<=value: )2\d{3}-\S+", "time"),
    (r"(?m)^2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", "time"),
    (r'(?<="scope":")[^"]+|(?<="writers":")[^"]+|(?<="seen":")[^"]+', "hash"),
    (r"(?<=_duration\",\"value\":)[\d.e-]+", "seconds"),
    (r'(?<="pid":)\d+', "pid"),
    (r"(?<=e3db v)\S+(?=, Meltano)|(?<=SDK v)\S+", "version"),
]


def normalised(text):
    """The text with ids numbered in the order in which they come, and all else that changes named alone."""
    text = re.sub(r'(?m)^.*"batch_processing_time".*\n', "", text)  # batches are written in the background: where it comes is chance
    ids = {}
    for pattern, name in ASIDE:
        if name == "id":
            text = re.sub(pattern, lambda match: f"<id {ids.setdefault(match[0], len(ids) + 1)}>", text)
        else:
            text = re.sub(pattern, f"<{name}>", text)
    return text


@pytest.fixture
def compare(request):
    """Compare a finished run with its file: ``compare(done)``, or more than one with a name for each."""

    def check(done, part=""):
        name = request.node.name.removeprefix("test_") + (f"_{part}" if part else "")
        path = FOLDER / f"{name}.txt"
        text = normalised(f"exit code {done.returncode}\n--- stdout\n{done.stdout}--- stderr\n{done.stderr}")
        if os.environ.get("UPDATE_SNAPSHOTS"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; see {__name__}"

    return check


def run(plugins, command, *arguments, **options):
    return plugins._run(command, "--config", getattr(plugins, command.split("-")[0] + "_config")(max_workers=1), *arguments, **options)


@pytest.fixture
def rows(messages):
    """Two streams, a changed schema and a deletion."""
    return [
        messages.schema("people", id=INTEGER, name=TEXT),
        messages.record("people", id=1, name="Ada"),
        messages.record("people", id=2, name="Grace"),
        messages.schema("logins", key=(), at=TEXT, ok={"type": "boolean"}),
        messages.record("logins", at="2026-01-01T00:00:00Z", ok=True),
        messages.state({"bookmarks": {"people": 2, "logins": 1}}),
        messages.schema("people", id=INTEGER, name=TEXT, born=INTEGER),
        messages.record("people", id=1, name="Ada", born=1815),
        messages.record("people", id=2, _sdc_deleted_at="2026-01-02T00:00:00Z"),
        {"type": "ACTIVATE_VERSION", "stream": "people", "version": 1},
        messages.state({"bookmarks": {"people": 3, "logins": 1}}),
    ]


def load(plugins, lines, **settings):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return plugins._run("target-e3db", "--config", plugins.target_config(max_workers=1, **settings), stdin=text)


def test_target_loads_rows(plugins, rows, compare):
    compare(load(plugins, rows))


def test_target_loads_rows_again(plugins, rows, compare):
    load(plugins, rows)
    compare(load(plugins, rows))


def test_target_with_plain_fields_and_hard_delete(plugins, rows, compare):
    compare(load(plugins, rows, plain_fields=["name"], hard_delete=True, record_type="crm.{stream}"))


def test_target_meets_a_bad_row(plugins, rows, messages, compare):
    compare(load(plugins, [*rows, messages.record("people", id="a-row-value")]))


def test_target_skips_a_bad_row(plugins, rows, messages, compare):
    compare(load(plugins, [*rows, messages.record("people", id="a-row-value")], on_error="skip"))


def test_tap_reads_rows_and_then_changes(plugins, rows, messages, compare):
    load(plugins, rows)
    plugins.settle()
    first = run(plugins, "tap-e3db")
    compare(first, "first")
    load(plugins, [*rows[:1], messages.record("people", id=3, name="Hedy")])
    plugins.settle()
    state = plugins.config("state", **json.loads(first.stdout.splitlines()[-1])["value"])
    compare(run(plugins, "tap-e3db", "--state", state), "second")


def test_tap_discovers(plugins, rows, compare):
    load(plugins, rows)
    plugins.settle()
    compare(run(plugins, "tap-e3db", "--discover"))
