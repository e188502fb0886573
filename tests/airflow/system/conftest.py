"""An Airflow with all its parts in a home of its own, told what to do by REST and by a browser; ``make system`` runs these."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest
import requests

from demo.local_airflow import home, standalone
from e3db_connectors.client.config import SECRETS

collect_ignore_glob = [] if os.environ.get("E3DB_SYSTEM") == "1" else ["*"]

ROOT = Path(__file__).parents[3]
DAGS = [ROOT / "dags" / "e3db_incremental_to_warehouse.py", *(Path(__file__).parent / "dags").glob("*.py")]
PATIENCE_SECONDS = 240
FINAL = {"success", "failed"}
CHROMIUM = "/usr/bin/chromium"
# The sandbox is not there for root; the rest keeps the browser from calling home.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]


def wait_until(true):
    """What *true* gives, as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.5)
    return found


class System:
    """A running Airflow, reached by REST as its user."""

    def __init__(self, airflow, folder, session):
        self.url, self.user, self.password = airflow.url, airflow.user, airflow.password
        self.folder, self._session = folder, session
        token = self.call("POST", "/auth/token", {"username": self.user, "password": self.password}).json()["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"

    def call(self, verb, path, body=None):
        answer = self._session.request(verb, self.url + path, json=body, timeout=60)
        assert answer.ok, (answer.status_code, answer.text)
        return answer

    def get(self, path):
        return self.call("GET", f"/api/v2/{path}").json()

    def text(self, path):
        """An answer as it is, to search it."""
        return self.call("GET", f"/api/v2/{path}").text

    def connect(self, name, values):
        extra = json.dumps(values.get("extra", {}))
        self.call("POST", "/api/v2/connections", {"connection_id": name, **values, "extra": extra})

    def trigger(self, dag_id, conf=None):
        """Start a run of a DAG, as soon as the DAG processor has seen it; the path of the run."""
        wait_until(lambda: dag_id in {dag["dag_id"] for dag in self.get("dags?exclude_stale=true")["dags"]})
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        run = self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}}).json()
        return f"dags/{dag_id}/dagRuns/{run['dag_run_id']}"

    def finished(self, run):
        """Its state, once it has come to an end."""
        return wait_until(lambda: (state := self.get(run)["state"]) in FINAL and state)

    def log(self, run, task_id, map_index=-1):
        return self.text(f"{run}/taskInstances/{task_id}/logs/1?map_index={map_index}&full_content=true")

    def showing(self, *texts):
        """Which of these texts stands in which file of Airflow's home: database, logs, rendered templates."""
        kept = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return [(text, path) for text in texts for path, content in kept.items() if text.encode() in content]


@pytest.fixture(scope="session", name="wait_until")
def _wait_until():
    return wait_until


@pytest.fixture(scope="session")
def owner(server):
    """The client of the connection `e3db_default`."""
    with server.register("owner") as made:
        yield made


@pytest.fixture(scope="session")
def its_secrets(owner):
    """The secrets of that client by their names."""
    return {name: getattr(owner.config, name).reveal() for name in SECRETS}


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory):
    """The path of the DuckDB database `warehouse_default`."""
    return tmp_path_factory.mktemp("warehouse") / "warehouse.duckdb"


@pytest.fixture(scope="session")
def system(owner, warehouse, values_of, tmp_path_factory):
    """Airflow with the connections `e3db_default` and `warehouse_default`; nothing of it is left running."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    dags.mkdir()
    for path in DAGS:
        shutil.copy(path, dags)
    environment = home.environment(folder, dags) | {
        "HOME": str(folder),
        "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
        "AIRFLOW_CONN_WAREHOUSE_DEFAULT": json.dumps({"conn_type": "duckdb", "host": str(warehouse)}),
    }
    with standalone.running(standalone.with_address(environment)) as airflow, requests.Session() as session:
        started = System(airflow, folder, session)
        started.connect("e3db_default", values_of(owner.config))
        yield started
    wait_until(lambda: not processes_of(folder))  # a killed process takes a moment to go


def processes_of(folder):
    """Running processes that have this Airflow's home."""
    return [each.name for each in Path("/proc").glob("[0-9]*") if f"AIRFLOW_HOME={folder}\0".encode() in _environment_of(each)]


def _environment_of(process):
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


@pytest.fixture
def page(system):
    """Airflow's list of connections, signed in, in a browser of its own."""
    from playwright.sync_api import sync_playwright

    assert Path(CHROMIUM).exists(), f"there is no {CHROMIUM}: apt-get install -y chromium"
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET) as browser:
        shown = browser.new_page(viewport={"width": 1300, "height": 700})
        shown.set_default_timeout(30_000)
        shown.goto(f"{system.url}/connections")
        shown.fill("input[name=username]", system.user)
        shown.fill("input[name=password]", system.password)
        shown.click("button[type=submit]")
        shown.get_by_role("button", name="Add Connection").wait_for()
        yield shown
