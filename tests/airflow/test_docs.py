"""The DAGs of docs/airflow.md run, and its tables say what the operators say."""

import importlib.util
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from e3db_connectors import airflow as package
from e3db_connectors.airflow.operators.base import E3DBOperator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "airflow.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def source_of(dag_id):
    [source] = [each for each in BLOCKS if f"\n{dag_id}()\n" in each]
    return source.replace('"Ada"', '"canary" + "-" + "name"')


def test_the_dag_with_the_hook(connected, run_dag, everything_stored):
    run = run_dag(source_of("e3db_contacts"), "e3db_contacts")
    assert run.states == {"write": "success", "count": "success"}, run.log
    assert run.xcom("write")["created"] == run.xcom("count") == 2
    assert {record.data["name"] for record in connected.query_all(record_type="contact")} == {"canary-name", "Grace"}
    assert b"canary-name" not in everything_stored()
    assert "canary-name" not in run.log


def test_the_dag_with_operators(connected, run_dag, everything_stored):
    for keep_from, written, deleted in [("2026-01-01", "created", 0), ("", "unchanged", 3)]:
        run = run_dag(source_of("e3db_visits"), "e3db_visits", run_conf={"keep_from": keep_from})
        assert set(run.states.values()) == {"success"}, run.log
        assert run.xcom("write")[written] == 3
        assert run.xcom("delete") == {"deleted": deleted, "missing": 0}
    assert b"canary-name" not in everything_stored()
    assert connected.query(record_type="visit").records == []


def test_the_dags_with_a_database(connected, connect, run_dag, tmp_path):
    connect({"conn_type": "sqlite", "host": str(tmp_path / "warehouse.db")}, "warehouse_default")
    connected.write("contact", {"name": "Ada"})
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as database, database:
        database.execute("CREATE TABLE people (id INTEGER, name TEXT, updated_at TEXT)")
        database.execute("INSERT INTO people VALUES (1, 'Ada', '2026-03-04')")
    assert run_dag(source_of("e3db_save"), "e3db_save").xcom("write")["created"] == 1
    assert run_dag(source_of("e3db_load"), "e3db_load").xcom("load")["records"] == 1
    run = run_dag(source_of("e3db_load_hour"), "e3db_load_hour", logical_date=datetime(2026, 3, 4, 12, 30, tzinfo=UTC))
    assert (run.xcom("load")["since"], run.xcom("load")["until"]) == ("2026-03-04T11:00:00.000000Z", "2026-03-04T12:00:00.000000Z")


def test_the_dag_with_meltano(connected, run_dag, tmp_path):
    command = tmp_path / "meltano"
    command.write_text('#!/bin/sh\necho "$E3DB_CLIENT_ID $@"\n')
    command.chmod(0o700)
    source = source_of("e3db_meltano").replace("/srv/pipeline", str(tmp_path)).replace("/srv/meltano/bin/meltano", str(command))
    run = run_dag(source, "e3db_meltano")
    assert f"{connected.client_id} run tap-e3db target-duckdb" in run.log


def test_every_block_is_a_whole_dag():
    ids = {re.search(r"\n(\w+)\(\)\n\Z", block)[1] for block in BLOCKS}
    tests = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in ids if f'source_of("{name}")' not in tests] == []


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("operators", ROOT / "hub" / "operators.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_are_as_make_hub_writes_them(tables):
    assert tables.text() == PAGE, "run `make hub`"


def operators():
    """All classes of operators and sensors, without those that are bases alone."""
    for path in Path(package.__file__).parent.glob("*/*.py"):
        module = import_module(f"{package.__name__}.{path.parent.name}.{path.stem}")
        if path.stem not in {"base", "reading", "writing"}:
            kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == module.__name__]
            yield from (kind for kind in kinds if issubclass(kind, E3DBOperator))


def test_every_argument_of_every_operator_is_in_a_table(tables):
    marked = {kind for _, names, _ in tables.TABLE.findall(PAGE) for kind in tables.operators_of(names)}
    kinds = list(operators())
    assert len(kinds) > 12
    for kind in kinds:
        assert kind in marked
        shown = {name for each in kind.__mro__ if each in marked for name in tables.descriptions(each)}
        assert shown | {"e3db_conn_id"} == set(tables.parameters(kind)), kind
