"""Record types with awkward names, in loaders that people run: each type in a table, or file, of its own."""

import json
import sys
from pathlib import Path

import duckdb

from e3db_connectors.sync.names import live_stream_name

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / ".venvs"
OURS = Path(sys.executable).parent
TEXT = {"type": ["string", "null"]}
TYPES = ["sensor-reading", "sensor_reading", "Contact", "contact", "a/b", "a.b", "日本"]


def load_one_row_of_each(plugins, messages):
    """Write a row of each type that says which it is; tells the stream of each type."""
    schemas = [messages.schema(name, id=TEXT, Id=TEXT) for name in TYPES]
    done = plugins.load(*schemas, *(messages.record(name, id=name, Id="other") for name in TYPES))
    assert done.returncode == 0, done.stderr
    plugins.settle()
    streams = plugins.discover()["streams"]
    roots = {stream["stream"]: next(item["metadata"] for item in stream["metadata"] if not item["breadcrumb"]) for stream in streams}
    found = {root["e3db-record-type"]: name for name, root in roots.items()}
    assert set(found) == set(TYPES)
    return found


def test_target_duckdb_keeps_them_apart(plugins, messages, pipe, tmp_path):
    streams = load_one_row_of_each(plugins, messages)
    path = tmp_path / "warehouse.duckdb"
    config = plugins.config("duckdb", filepath=str(path), default_target_schema="main")
    target = [PLUGINS / "target-duckdb" / "bin" / "target-duckdb", "--config", config]
    pipe([OURS / "tap-e3db", "--config", plugins.tap_config(detect_deletes=True)], target).finish()
    with duckdb.connect(str(path), read_only=True) as database:
        for name, stream in streams.items():
            assert database.execute(f'SELECT id FROM main."{stream}"').fetchall() == [(name,)]  # noqa: S608
            # The loader takes the first row of a table of nothing but texts for its head.
            assert len(database.execute(f'FROM main."{live_stream_name(name)}"').fetchall()) == 1


def test_target_jsonl_keeps_them_apart(plugins, messages, pipe, tmp_path):
    streams = load_one_row_of_each(plugins, messages)
    config = plugins.config("jsonl", destination_path=str(tmp_path / "out"), do_timestamp_file=False)
    target = [PLUGINS / "target-jsonl" / "bin" / "target-jsonl", "--config", config]
    state = pipe([OURS / "tap-e3db", "--config", plugins.tap_config()], target).finish()
    assert set(state["bookmarks"]) == set(streams.values())
    for name, stream in streams.items():
        lines = (tmp_path / "out" / f"{stream}.jsonl").read_text(encoding="utf-8").splitlines()
        [row] = [json.loads(line) for line in lines]
        assert row["id"] == name
        assert len({column.lower() for column in row}) == len(row)
