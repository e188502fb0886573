"""A real Meltano, run by the DAG as it stands and by the operator."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from e3db_connectors.airflow.operators.meltano import MeltanoRunOperator
from e3db_connectors.sync.writing import open_writer

ROOT = Path(__file__).parents[3]
MELTANO = str(ROOT / ".venvs" / "meltano" / "bin" / "meltano")
COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


def write(client, *names):
    open_writer(client, "things", COLUMNS, ["id"]).write({"id": number, "name": name} for number, name in enumerate(names))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The project's own pipeline in a folder of the test's own; it names no credentials."""
    shutil.copy(ROOT / "meltano.yml", tmp_path)
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".venvs").symlink_to(ROOT / ".venvs")
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("TAP_E3DB_SETTLE_SECONDS", "0")
    monkeypatch.setenv("MELTANO_CLI_DISABLE_VERSION_CHECK", "true")
    return tmp_path


def arrived(project):
    with duckdb.connect(str(project / ".demo" / "warehouse.duckdb"), read_only=True) as database:
        return sorted(database.execute("SELECT id, name FROM main.things").fetchall())


def test_the_dag_moves_what_has_changed(connected, project, run_dag, everything_stored):
    parameters = {"project_dir": str(project), "meltano": MELTANO, "state_backend_uri": f"file://{project / 'state'}"}
    source = (ROOT / "dags" / "meltano_run.py").read_text(encoding="utf-8")
    write(connected, "canary-a", "b")
    run = run_dag(source, "meltano_run", run_conf=parameters)
    assert run.state == "success", run.log
    assert arrived(project) == [(0, "canary-a"), (1, "b")]
    assert any((project / "state").rglob("state.json"))
    write(connected, "canary-a", "changed")
    run = run_dag(source, "meltano_run", run_conf=parameters)
    assert arrived(project) == [(0, "canary-a"), (1, "changed")]
    for place in (run.log, everything_stored().decode("latin-1")):
        assert "canary-" not in place
        assert connected.config.private_key.reveal() not in place
        assert connected.config.api_secret.reveal() not in place


@pytest.mark.usefixtures("connected")
def test_a_pipeline_that_fails_fails_the_task(project, context):
    with pytest.raises(AirflowException, match="exit code 1"):
        MeltanoRunOperator(task_id="t", pipeline=["tap-e3db", "no-such"], project_dir=str(project), meltano=MELTANO).execute(context)


def test_a_window_has_a_state_of_its_own():
    def suffix(**options):
        return MeltanoRunOperator(task_id="t", pipeline=[], project_dir=".", **options)._suffix()

    assert suffix() == suffix(since="", until="None") == []
    assert suffix(state_id_suffix="x") == ["--state-id-suffix", "x"]
    assert suffix(since="2026-01-01", until="2026-01-02") == ["--state-id-suffix", "2026-01-01T000000.000000Z-2026-01-02T000000.000000Z"]


def test_when_the_task_is_killed_meltano_ends(tmp_path):
    operator = MeltanoRunOperator(task_id="t", pipeline=[], project_dir=str(tmp_path))
    operator._process.sub_process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    operator.on_kill()
    began = time.monotonic()
    assert operator._process.sub_process.wait(60) == -signal.SIGTERM
    assert time.monotonic() - began < 60


def test_settings_of_the_worker_stay_and_its_credentials_do_not(connected, tmp_path, monkeypatch, context):
    command = tmp_path / "meltano"
    command.write_text("#!/bin/sh\nenv > variables\n")
    command.chmod(0o700)
    monkeypatch.setenv("E3DB_PSEUDONYM_KEY", "a-key")
    for name in ("E3DB_PROFILE", "E3DB_API_SECRET", "E3DB_SERVER_REGISTRATION_TOKEN"):
        monkeypatch.setenv(name, "of-the-worker")
    MeltanoRunOperator(task_id="run", pipeline=["tap-e3db"], project_dir=str(tmp_path), meltano=str(command)).execute(context)
    variables = (tmp_path / "variables").read_text().splitlines()
    assert "E3DB_PSEUDONYM_KEY=a-key" in variables
    assert f"E3DB_CLIENT_ID={connected.client_id}" in variables
    assert not [each for each in variables if "of-the-worker" in each]


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pipeline": "tap-e3db target"}, "list of texts"),
        ({"pipeline": []}, "pipeline is empty"),
        ({"since": "yesterday"}, "no time"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "must be before"),
        ({"meltano": "/nowhere/meltano"}, "there is no command"),
        ({"project_dir": "/nowhere"}, "is no folder"),
        ({"project_dir": None}, "is no folder"),
    ],
)
def test_what_cannot_be_meant_fails_at_once(options, words, tmp_path, context):
    options = {"pipeline": ["tap-e3db"], "project_dir": str(tmp_path), **options}
    with pytest.raises(AirflowFailException, match=words):
        MeltanoRunOperator(task_id="run", **options).execute(context)
