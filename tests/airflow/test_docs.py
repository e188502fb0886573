"""The DAG of docs/airflow.md runs."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "airflow.md").read_text(encoding="utf-8")


def test_the_dag_of_the_page_runs_and_stores_no_value(connected, run_dag, everything_stored):
    [source] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    source = source.replace('"Ada"', '"canary" + "-" + "name"')
    run = run_dag(source, "e3db_contacts")
    assert run.states == {"write": "success", "count": "success"}, run.log
    assert run.xcom("write")["created"] == run.xcom("count") == 2
    assert {record.data["name"] for record in connected.query_all(record_type="contact")} == {"canary-name", "Grace"}
    assert b"canary-name" not in everything_stored()
    assert "canary-name" not in run.log
