"""A real Airflow in this process: its own home, one metadata database for the session; E3DB is the server of all tests."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

HOME = Path(tempfile.mkdtemp(prefix="e3db-airflow-"))
DAGS = HOME / "dags"

# Airflow reads these when it is first imported, which the modules with tests do.
DAGS.mkdir()
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
    "AIRFLOW__CORE__FERNET_KEY": "",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(HOME / "logs"),
}


def pytest_unconfigure():
    shutil.rmtree(HOME, ignore_errors=True)


def connection_values(config, **changes):
    """A connection of the form's fields, as the JSON of a variable takes it; *changes* go into the extra."""
    extra = {
        "client_id": config.client_id,
        "public_key": config.public_key,
        "private_key": config.private_key.reveal(),
        "signing_public_key": config.public_signing_key,
        "signing_private_key": config.private_signing_key.reveal(),
    }
    values = {"conn_type": "e3db", "host": config.api_url, "login": config.api_key_id, "password": config.api_secret.reveal()}
    return {**values, "extra": {**extra, **changes}}


@pytest.fixture(scope="session")
def values_of():
    return connection_values


@pytest.fixture
def connect(monkeypatch):
    """Make a connection: `connect(client)`, or `connect(values, "its_name")`."""

    def make(values, name="e3db_default"):
        if hasattr(values, "config"):
            values = connection_values(values.config)
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", values if isinstance(values, str) else json.dumps(values))

    return make


@pytest.fixture
def connected(connect, client):
    """The connection `e3db_default` is that of `client`."""
    connect(client)
    return client


@pytest.fixture(scope="session")
def _database():
    from airflow.utils.db import initdb

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its dependencies warn of each other when they are imported
        import_module("airflow.api_fastapi.execution_api.app")
    initdb()


@pytest.fixture
def context():
    """What an operator is given to execute, as far as ours look at it."""
    ti = SimpleNamespace(dag_id="a_dag", run_id="a_run", task_id="a_task", map_index=-1)
    return {"ti": ti, "task_instance": ti}


@pytest.fixture
def everything_stored():
    """All bytes in Airflow's home: the metadata database, logs, rendered templates."""
    return lambda: b"".join(path.read_bytes() for path in HOME.rglob("*") if path.is_file() and DAGS not in path.parents)


class Run:
    """A finished run of a DAG."""

    def __init__(self, run, log):
        self._run, self.log, self.state = run, log, run.state
        self.instances = {ti.task_id: ti for ti in run.get_task_instances()}
        self.states = {name: ti.state for name, ti in self.instances.items()}

    def xcom(self, task_id):
        return self.instances[task_id].xcom_pull(task_ids=task_id)

    def all_xcoms(self, task_id):
        """What the instances of a mapped task returned."""
        instances = [ti for ti in self._run.get_task_instances() if ti.task_id == task_id]
        return [ti.xcom_pull(task_ids=task_id, map_indexes=ti.map_index) for ti in instances]


@pytest.fixture
def read_dag(_database):
    """Read the DAG of a source text, in the folder where Airflow looks for DAGs."""
    paths = []

    def read(source, dag_id):
        from airflow.dag_processing.dagbag import DagBag

        path = DAGS / f"{dag_id}.py"
        path.write_text(source, encoding="utf-8")
        paths.append(path)
        bag = DagBag(str(path))
        assert not bag.import_errors, bag.import_errors
        return bag.dags[dag_id]

    yield read
    for path in paths:
        path.unlink(missing_ok=True)  # a test may run one twice


@pytest.fixture
def run_dag(read_dag, capfd):
    """Run the DAG of a source text."""

    def run(source, dag_id, **options):
        dag = read_dag(source, dag_id)
        capfd.readouterr()
        finished = dag.test(**{"logical_date": None, **options})
        shown = capfd.readouterr()
        return Run(finished, shown.out + shown.err)

    return run


@pytest.fixture
def run_supervised(tmp_path):
    """Run a task of a source text as a worker does, and return its log and all else that was written."""
    paths = []

    def run(source, dag_id, task_id):
        path, log = DAGS / f"{dag_id}.py", tmp_path / "task.log"
        path.write_text(source, encoding="utf-8")
        paths.append(path)
        command = [sys.executable, Path(__file__).parent / "supervised_task.py", path.name, dag_id, task_id, log]
        written = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        return log.read_text(encoding="utf-8") + written.stdout + written.stderr

    yield run
    for path in paths:
        path.unlink()
