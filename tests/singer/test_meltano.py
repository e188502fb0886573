"""The project's own meltano.yml, run by a real Meltano into a real DuckDB file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}


@pytest.fixture
def meltano(tmp_path, credentials_file):
    """Run a Meltano command in a copy of the project."""
    project = tmp_path / "project"
    (project / ".demo").mkdir(parents=True)
    shutil.copy(ROOT / "meltano.yml", project)
    shutil.copy(credentials_file, project / ".demo" / "credentials.json")
    (project / ".venvs").symlink_to(ROOT / ".venvs")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        "NO_COLOR": "1",
    }

    def run(*arguments):
        command = [str(ROOT / ".venvs" / "meltano" / "bin" / "meltano"), *arguments]
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    run.project = project
    return run


def warehouse(meltano):
    with duckdb.connect(str(meltano.project / ".demo" / "warehouse.duckdb"), read_only=True) as database:
        return dict(database.execute("SELECT id, name FROM main.things").fetchall())


def test_a_second_run_moves_only_the_changes(meltano, plugins, messages, client):
    schema = messages.schema("things", id=INTEGER, name=TEXT)
    plugins.load(schema, *(messages.record("things", id=number, name=f"n{number}") for number in range(40)))
    plugins.settle()
    first = meltano("run", "tap-e3db", "target-duckdb")
    assert warehouse(meltano) == {number: f"n{number}" for number in range(40)}
    plugins.load(schema, messages.record("things", id=7, name="changed"), messages.record("things", id=40, name="added"))
    plugins.settle()
    second = meltano("run", "tap-e3db", "target-duckdb")
    assert warehouse(meltano) == {number: f"n{number}" for number in range(40)} | {7: "changed", 40: "added"}
    assert [counted(first), counted(second)] == ['"value":40', '"value":2']
    for text in (first.stdout + first.stderr, (meltano.project / ".meltano" / "meltano.db").read_bytes().decode("latin1")):
        assert client.config.private_key not in text
        assert client.config.api_secret not in text


def counted(done):
    """The tap's own count of its records, from its metric."""
    lines = [
        line for line in (done.stdout + done.stderr).splitlines() if '"metric":"record_count"' in line.replace(" ", "").replace("\\", "")
    ]
    return next(part for part in lines[0].replace(" ", "").replace("\\", "").split(",") if part.startswith('"value"'))


def test_the_settings_of_meltano_yml_are_those_of_the_plugins(run):
    import yaml

    plugins = yaml.safe_load((ROOT / "meltano.yml").read_text())["plugins"]
    for plugin in plugins["extractors"] + [loader for loader in plugins["loaders"] if loader["name"] == "target-e3db"]:
        about = json.loads(run(plugin["name"], "--about", "--format=json").stdout)["settings"]["properties"]
        own = {name for name in about if not name.startswith(("stream_map", "flattening", "faker", "add_record", "batch_size", "validate"))}
        assert {setting["name"] for setting in plugin["settings"]} == own
        secrets = {name for name in own if about[name].get("secret")}
        assert {setting["name"] for setting in plugin["settings"] if setting.get("sensitive")} == secrets
