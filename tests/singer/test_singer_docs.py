"""The commands of docs/singer.md, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import yaml

ROOT = Path(__file__).parents[2]
TEXT = {"type": ["string", "null"]}


def shell(folder, part):
    """Run the first block of commands of a part of the guide."""
    guide = (ROOT / "docs" / "singer.md").read_text(encoding="utf-8")
    block = re.search(r"```sh\n(.*?)```", guide.split(f"## {part}\n")[1], re.DOTALL)[1]
    places = [Path(sys.executable).parent, ROOT / ".venvs" / "target-duckdb" / "bin", os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(map(str, places))}
    command = [shutil.which("bash"), "-eo", "pipefail", "-c", block]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_without_meltano_a_second_run_goes_on_from_the_first(plugins, messages, tmp_path):
    shutil.copy(plugins.tap_config(), tmp_path / "tap.json")
    shutil.copy(plugins.config("duckdb", filepath=str(tmp_path / "w.duckdb"), default_target_schema="main"), tmp_path / "duckdb.json")
    schema = messages.schema("things", id=TEXT, name=TEXT)
    plugins.load(schema, messages.record("things", id="1", name="one"), messages.record("things", id="2", name="two"))
    plugins.settle()
    shell(tmp_path, "Use without Meltano")
    first = (tmp_path / "state.json").read_text()
    plugins.load(schema, messages.record("things", id="2", name="changed"), messages.record("things", id="3", name="three"))
    plugins.settle()
    shell(tmp_path, "Use without Meltano")
    assert (tmp_path / "state.json").read_text() != first
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as database:
        assert dict(database.execute("SELECT id, name FROM main.things").fetchall()) == {"1": "one", "2": "changed", "3": "three"}


def test_dbt_gets_its_source(plugins, messages, tmp_path):
    shutil.copy(plugins.tap_config(), tmp_path / "tap.json")
    (tmp_path / "models").mkdir()
    plugins.load(messages.schema("things", id=TEXT), messages.record("things", id="1"))
    shell(tmp_path, "dbt")
    [source] = yaml.safe_load((tmp_path / "models" / "sources.yml").read_text())["sources"]
    assert [table["name"] for table in source["tables"]] == ["things"]
