"""The provider and its hook, in a process of their own: a task's."""

import json
import subprocess
import sys

import pytest

HOOK = "from e3db_connectors.airflow.hooks.e3db import E3DBHook; hook = E3DBHook(); "


def connection(config, **changes):
    extra = {"client_id": config.client_id, "public_key": config.public_key, "private_key": config.private_key}
    values = {"conn_type": "e3db", "host": config.api_url, "login": config.api_key_id, "password": config.api_secret}
    return json.dumps({**values, "extra": {**extra, **changes}})


@pytest.fixture
def run_task(monkeypatch, tmp_path):
    def run(statement, conn):
        monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
        monkeypatch.setenv("AIRFLOW_CONN_E3DB_DEFAULT", conn)
        done = subprocess.run([sys.executable, "-c", HOOK + statement], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_the_hook_signs_in_with_its_connection(client, run_task):
    shown = run_task("print(hook.test_connection()); hook.close()", connection(client.config))
    assert f"(True, 'signed in as {client.client_id}')" in shown


def test_it_writes_and_reads(client, run_task):
    statement = "r = hook.get_conn().write('t', {'a': 'x'}); print(hook.get_conn().read(r.meta.record_id).data['a'] * 3); hook.close()"
    assert "xxx" in run_task(statement, connection(client.config))


def test_a_connection_that_lacks_a_key_says_so(client, run_task):
    shown = run_task("print(hook.test_connection())", connection(client.config, private_key=""))
    assert "connection e3db_default: private_key missing" in shown


def test_building_a_hook_reads_no_connection(run_task):
    assert "built" in run_task("print('built')", "not even a connection")


def test_airflow_lists_the_connection_type(run_task, client):
    shown = run_task(
        "from airflow.providers_manager import ProvidersManager; print(sorted(ProvidersManager().hooks)); "
        "print('e3db-connectors' in ProvidersManager().providers)",
        connection(client.config),
    )
    assert "'e3db'" in shown
    assert "True" in shown
