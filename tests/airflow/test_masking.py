"""What a worker's log shows of a connection, however it is given: the task prints all secrets (proof C8)."""

import json

import pytest
from airflow.sdk import Connection

from e3db_connectors.client.config import SECRETS

DAG = """
import logging
from airflow.sdk import dag, task

@dag(schedule=None)
def tells():
    @task
    def tell():
        from e3db_connectors.airflow.hooks.e3db import E3DBHook
        from e3db_connectors.client.config import SECRETS

        for conn_id in CONNECTIONS:
            with E3DBHook(conn_id) as hook:
                config = hook.get_conn().config
                for name in SECRETS:
                    secret = getattr(config, name).reveal()
                    print(conn_id, "printed", name, secret)
                    logging.getLogger(__name__).warning("%s logged %s %s", conn_id, name, secret)
        hidden = secret
        raise ValueError(f"raised {hidden}")

    tell()

tells()
"""


@pytest.fixture
def given(server, values_of, connect, tmp_path, monkeypatch):
    """Clients by their connections, each of which is given in another way."""
    clients = {name: server.register(name) for name in ("as_json", "as_uri", "pasted", "from_backend", "pasted_in_backend")}
    values = {name: values_of(client.config) for name, client in clients.items()}
    for name in ("pasted", "pasted_in_backend"):
        values[name] = {"conn_type": "e3db", "extra": {"credentials_secret": clients[name].config.to_json()}}
    connect(values["as_json"], "as_json")
    connect(values["pasted"], "pasted")
    connect(Connection(conn_id="as_uri", **{**values["as_uri"], "extra": json.dumps(values["as_uri"]["extra"])}).get_uri(), "as_uri")
    backend = tmp_path / "connections.json"
    backend.write_text(json.dumps({name: values[name] for name in ("from_backend", "pasted_in_backend")}), encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(backend)}))
    yield clients
    for client in clients.values():
        client.close()


def test_no_secret_is_visible(given, run_supervised):
    log = run_supervised(DAG.replace("CONNECTIONS", repr(list(given))), "tells", "tell")
    for conn_id, client in given.items():
        for name in SECRETS:
            assert f"{conn_id} printed {name} ***" in log
            assert f"{conn_id} logged {name} ***" in log
            assert getattr(client.config, name).reveal() not in log
    assert "raised ***" in log
