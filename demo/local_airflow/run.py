"""Run a DAG once, in this process, as ``dag.test()`` does: ``python -m demo.local_airflow.run DAG PARAMETERS CREDENTIALS RESULT``.

What the tasks returned, by the name of the task, goes to the file RESULT as JSON; the exit code says whether the run succeeded.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

from demo.local_airflow import home


def main(dag_id: str, parameters: str, credentials: str, result: str) -> int:
    """Run it."""
    for name, values in home.connections(Path(credentials)).items():
        os.environ[f"AIRFLOW_CONN_{name.upper()}"] = json.dumps(values)
    warnings.simplefilter("ignore")  # Airflow's dependencies warn of each other
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    bag = DagBag(str(home.ROOT / "dags" / f"{dag_id}.py"))
    if bag.import_errors:
        sys.exit(str(bag.import_errors))
    run = bag.dags[dag_id].test(logical_date=None, run_conf=json.loads(parameters))
    returned = [
        {"task": ti.task_id, "returned": ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index)} for ti in run.get_task_instances()
    ]
    Path(result).write_text(json.dumps(returned), encoding="utf-8")
    return 0 if run.state == "success" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
