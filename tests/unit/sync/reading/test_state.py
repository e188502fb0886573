"""States: what is written is read, and garbage is refused in words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import StateError
from e3db_connectors.sync.reading import state as states
from e3db_connectors.sync.reading.state import CatchUp, Piece, State
from e3db_connectors.wire import times

MOMENTS = st.integers(0, 4 * 10**15).map(times.from_micros)
MARKS = st.frozensets(st.binary(min_size=8, max_size=8), max_size=20)
BOOKMARK = {"replication_key": "_e3db_last_modified", "replication_key_value": "2026-01-01T00:00:00.000000Z"}
OURS = {"version": 2, "scope": "00"}


@given(
    st.builds(
        State,
        bookmark=st.none() | MOMENTS,
        scope=st.just("0011"),
        start=st.none() | MOMENTS,
        seen=MARKS,
        writers=st.none() | MARKS,
        piece=st.none()
        | st.builds(
            Piece, st.just("1970-01-01T00:00:00.000000Z"), st.just("2026-01-02T00:00:00.000000Z"), st.integers(1, 9999), st.just("ab")
        ),
        catch_up=st.none() | st.builds(CatchUp, MARKS.map(states.pack), st.just("1970-01-01T00:00:00.000000Z")),
    )
)
def test_what_is_written_is_read(state):
    assert states.parse(json.loads(json.dumps(state.to_json()))) == state


def test_nothing_and_the_first_version_are_read():
    assert states.parse(None) == states.parse({}) == State()
    assert states.parse(BOOKMARK) == State(bookmark=times.parse("2026-01-01T00:00:00Z"))
    assert states.parse({**BOOKMARK, "starting_replication_value": None, "progress_markers": {}}).bookmark


@pytest.mark.parametrize(
    "garbage",
    [
        [],
        "2026-01-01",
        7,
        {"replication_key_value": 7},
        {"replication_key_value": "yesterday"},
        {"replication_key_value": ["2026-01-01T00:00:00Z"]},
        {**BOOKMARK, "replication_key": "updated_at"},
        {"e3db": []},
        {"e3db": "x"},
        {"e3db": {}},
        {"e3db": {**OURS, "version": 1}},
        {"e3db": {**OURS, "version": 3}},
        {"e3db": {**OURS, "version": "2"}},
        {"e3db": {**OURS, "unknown": 1}},
        {"e3db": {**OURS, "seen": "?"}},
        {"e3db": {**OURS, "seen": "AAAA"}},
        {"e3db": {**OURS, "seen": 7}},
        {"e3db": {**OURS, "writers": "ä"}},
        {"e3db": {**OURS, "start": "soon"}},
        {"e3db": {**OURS, "piece": {"start": "2026-01-01T00:00:00Z"}}},
        {"e3db": {**OURS, "piece": {"start": "2026-01-02T00:00:00Z", "end": "2026-01-01T00:00:00Z", "token": 1, "seam": ""}}},
        {"e3db": {**OURS, "piece": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z", "token": 0, "seam": ""}}},
        {"e3db": {**OURS, "piece": {"start": "a", "end": "b", "token": 1, "seam": ""}}},
        {"e3db": {**OURS, "catch_up": {"writers": "", "position": "x"}}},
        {"e3db": {**OURS, "catch_up": {"writers": "AA", "position": "2026-01-01T00:00:00Z"}}},
    ],
)
def test_garbage_is_refused(garbage):
    with pytest.raises(StateError, match="begin anew"):
        states.parse(garbage)


def test_a_later_version_says_so():
    with pytest.raises(StateError, match="version 9"):
        states.parse({"e3db": {"version": 9, "new": "members"}})
