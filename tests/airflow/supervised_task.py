"""Run one task as a worker does: in a process of its own, under a supervisor that writes the log and masks it.

Arguments: the DAG's file below the folder of DAGs, its id, the task's id, and where the log goes. In place of an API server there is one
that agrees to everything.
"""

import sys
from uuid import uuid4

import httpx
from airflow.sdk.api.client import Client
from airflow.sdk.api.datamodels._generated import BundleInfo, TaskInstance

try:
    from airflow.sdk.execution_time.supervisor import supervise_task
except ImportError:  # Airflow 3.2
    from airflow.sdk.execution_time.supervisor import supervise as supervise_task

NOW = "2026-03-04T05:06:07Z"
NOTHING = ("logical_date", "data_interval_start", "data_interval_end", "end_date", "partition_key")


def main(dag_file, dag_id, task_id, log):
    run = {"dag_id": dag_id, "run_id": "a_run", "run_after": NOW, "start_date": NOW, "run_type": "manual", "state": "running"}
    begun = {"dag_run": {**run, **dict.fromkeys(NOTHING), "consumed_asset_events": []}, "max_tries": 0}

    def answer(request):
        return httpx.Response(200, json=begun if request.url.path.endswith("/run") else {"ok": True})

    supervise_task(
        ti=TaskInstance(id=uuid4(), task_id=task_id, dag_id=dag_id, run_id="a_run", try_number=1, dag_version_id=uuid4()),
        bundle_info=BundleInfo(name="dags-folder"),
        dag_rel_path=dag_file,
        token="",
        client=Client(base_url=None, dry_run=True, token="", transport=httpx.MockTransport(answer)),
        log_path=log,
    )


main(*sys.argv[1:])
