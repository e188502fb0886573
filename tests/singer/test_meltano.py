"""The project's own meltano.yml, run by a real Meltano into a real DuckDB file."""

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
    (project / ".venvs").symlink_to(ROOT / ".venvs")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "TAP_E3DB_CREDENTIALS_FILE": str(credentials_file),
        "TAP_E3DB_LOOKBACK_SECONDS": "0",
        "TAP_E3DB_SETTLE_SECONDS": "0",
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        "MELTANO_HUB_URL": "http://127.0.0.1:9",  # nobody is there
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


def test_states_have_ids_a_suffix_and_can_be_left_aside(meltano, plugins, messages):
    plugins.load(messages.schema("things", id=INTEGER, name=TEXT), messages.record("things", id=1, name="one"))
    plugins.settle()
    assert "Plugin configuration is valid" in shown(meltano("config", "test", "tap-e3db"))
    meltano("run", "--state-id-suffix", "nightly", "tap-e3db", "target-duckdb")
    assert "dev:tap-e3db-to-target-duckdb:nightly" in shown(meltano("--environment=dev", "state", "list"))
    refreshed = meltano("run", "--full-refresh", "--state-id-suffix", "nightly", "tap-e3db", "target-duckdb")
    assert counted(refreshed) == '"value":1'
    assert warehouse(meltano) == {1: "one"}


def shown(done):
    return done.stdout + done.stderr


def test_the_definitions_of_the_hub_are_added_without_any_hub(meltano):
    shutil.copytree(ROOT / "hub", meltano.project / "hub")
    settings = "send_anonymous_usage_stats: false\ndefault_environment: dev\nenvironments:\n- name: dev\n"
    (meltano.project / "meltano.yml").write_text(settings)
    for kind, name in (("extractor", "tap-e3db"), ("loader", "target-e3db")):
        meltano("add", kind, name, "--from-ref", f"hub/{name}.yml", "--no-install")
    meltano("config", "set", "tap-e3db", "client_email", "me@example.com")
    printed = meltano("config", "print", "tap-e3db").stdout
    assert '"client_email": "me@example.com"' in printed
    assert '"page_size": 1000' in printed
