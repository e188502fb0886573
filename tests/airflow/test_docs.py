"""The DAGs of docs/airflow.md run."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "airflow.md").read_text(encoding="utf-8")


def source_of(dag_id):
    [source] = [each for each in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if f"\n{dag_id}()\n" in each]
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
