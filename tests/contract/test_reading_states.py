"""States from the future, and garbage instead of states: nothing is read again from the beginning in silence, and every answer says what to do."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest

from e3db_connectors.errors import StateError
from e3db_connectors.sync import Tuning, read_pages

PAST, FUTURE, FAR = "2020-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"
CURSOR = {"replication_key": "_e3db_last_modified"}
OURS = {"version": 2, "scope": ""}
PIECE = {"start": PAST, "end": "2020-01-02T00:00:00.000000Z", "token": 5, "seam": "ab"}


def bookmark(time, **ours):
    return {**CURSOR, "replication_key_value": time, **({"e3db": {**OURS, **ours}} if ours else {})}


EARLY = {
    "future": bookmark(FUTURE),
    "the last time there is": bookmark(FAR),
    "future, without the name of its key": {"replication_key_value": FUTURE},
    "future, with hashes": bookmark(FUTURE, seen="AAAAAAAAAAA="),
    "future, in another zone": bookmark("2999-01-01T00:00:00+01:00"),
    "future, in a window": bookmark(FUTURE, piece=PIECE),
    "future, in a catch-up": bookmark(FUTURE, catch_up={"writers": "", "position": PAST}),
    "future, with members of the SDK": {**bookmark(FUTURE), "starting_replication_value": FUTURE, "progress_markers": {}},
}

ENTRIES = {
    "no time": bookmark("soon"),
    "no text": bookmark(7),
    "an empty bookmark": bookmark(""),
    "a bookmark of null": bookmark(None),
    "a list": bookmark([PAST]),
    "half a time": bookmark("2020-01"),
    "no such day": bookmark("2020-02-30T00:00:00Z"),
    "before all records": bookmark("0001-01-01T00:00:00Z"),
    "another key": {"replication_key": "updated_at", "replication_key_value": PAST},
    "a key alone": CURSOR,
    "another tool's members": {"cursor": PAST},
    "markers alone": {"progress_markers": {**CURSOR, "replication_key_value": PAST}},
    "a state within": {"bookmarks": {"note": bookmark(PAST)}},
    "ours is a list": {**CURSOR, "e3db": []},
    "ours is null": {**CURSOR, "e3db": None},
    "ours is empty": {**CURSOR, "e3db": {}},
    "a later version": bookmark(PAST, version=3),
    "an unknown member": bookmark(PAST, colour=1),
    "hashes cut off": bookmark(PAST, seen="AAAA"),
    "hashes of another alphabet": bookmark(PAST, seen="____"),
    "another type": bookmark(PAST, scope="0011223344556677"),
    "a start that is no time": bookmark(PAST, start="soon"),
    "a start in the future": bookmark(PAST, start=FUTURE),
    "a window that ends before it begins": bookmark(PAST, piece={**PIECE, "end": "2019-01-01T00:00:00Z"}),
    "a window without a page": bookmark(PAST, piece={**PIECE, "token": -1}),
    "a window beyond the bookmark": bookmark(PAST, piece={**PIECE, "start": "2020-01-01T12:00:00Z"}),
    "a catch-up beyond the bookmark": bookmark(PAST, catch_up={"writers": "", "position": "2021-01-01T00:00:00Z"}),
    "a catch-up of nowhere": bookmark(PAST, catch_up={"writers": "", "position": "x"}),
}

FILES = {
    "nothing": "",
    "half of it": '{"bookmarks": {"note": {"replication_key_value": "20',
    "null": "null",
    "an empty list": "[]",
    "an empty text": '""',
    "a STATE message": json.dumps({"type": "STATE", "value": {"bookmarks": {"note": bookmark(PAST)}}}),
    "an entry without its stream": json.dumps(bookmark(PAST)),
    "bookmarks of null": '{"bookmarks": null}',
    "an entry of null": '{"bookmarks": {"note": null}}',
    "too deep": "[" * 100_000,
}

TAP = """
import os, sys
from e3db_connectors.singer import tap

config, *states = sys.argv[1:]
for path in states:
    if (child := os.fork()) == 0:
        for number, name in ((1, ".out"), (2, ".err")):
            os.dup2(os.open(path + name, os.O_WRONLY | os.O_CREAT), number)
        sys.argv = ["tap-e3db", "--config", config, "--state", path]
        tap.main()
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)  # the next child would print it again
"""
"""`tap-e3db` once for each state, without the seconds that each start would cost."""


@pytest.fixture
def tap(tmp_path, credentials_file):
    """Run `tap-e3db` with each of these files as its state: what it says, what it gives out, and how it ends."""

    def run(texts):
        config, files = tmp_path / "config.json", []
        config.write_text(json.dumps({"credentials_file": str(credentials_file), "record_types": ["note"]}))
        for number, text in enumerate(texts):
            files.append(tmp_path / f"state{number}.json")
            files[-1].write_text(text)
        done = subprocess.run(
            [sys.executable, "-c", TAP, str(config), *map(str, files)], capture_output=True, text=True, timeout=300, check=True
        )
        for file, code in zip(files, done.stdout.split(), strict=True):
            given = [json.loads(line) for line in (file.parent / (file.name + ".out")).read_text().splitlines()]
            yield int(code), (file.parent / (file.name + ".err")).read_text(), given

    return run


def pages_of(client, state):
    return [row for page in read_pages(client, "note", state=state, tuning=Tuning(settle_seconds=0)) for row in page.rows]


def wrapped(entry):
    return json.dumps({"bookmarks": {"note": entry}})


SAYS_WHAT_TO_DO = re.compile("begin anew|is no JSON|nested too deep")


@pytest.mark.proof
def test_the_tap_reads_nothing_by_a_state_from_the_future_or_by_garbage(client, tap, proof):
    client.write("note", {"n": "1"})
    counts = Counter(tracebacks=0, silent_resyncs=0, unclear=0)
    texts = [*map(wrapped, EARLY.values()), *map(wrapped, ENTRIES.values()), *FILES.values()]
    names = [*EARLY, *ENTRIES, *FILES]
    unclear = []
    for name, (code, said, given) in zip(names, tap(texts), strict=True):
        rows = sum(message["type"] == "RECORD" for message in given)
        counts["tracebacks"] += "Traceback" in said or "failed with" in said
        counts["silent_resyncs"] += rows > 0
        early = name in EARLY
        clear = (code == 0 and "in the server's future" in said) if early else (code == 1 and SAYS_WHAT_TO_DO.search(said.splitlines()[-1]))
        if not clear or rows:
            unclear.append((name, code, said[-300:]))
    counts["unclear"] = len(unclear)
    proof.report("states from the future and garbage through the tap", states=len(names), **counts)
    assert unclear == []
    assert not counts.total()


@pytest.mark.parametrize("name", ENTRIES)
def test_garbage_is_refused_by_the_iterator(name, client):
    with pytest.raises(StateError, match="begin anew"):
        pages_of(client, ENTRIES[name])


@pytest.mark.parametrize("name", EARLY)
def test_a_state_from_the_future_gives_a_warning_and_no_rows(name, client, caplog):
    client.write("note", {"n": "1"})
    assert pages_of(client, EARLY[name]) == []
    assert "lies in the server's future" in caplog.text
