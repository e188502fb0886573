"""Load a long range of time into a warehouse in shards, several at a time, and check that each has arrived.

A shard is loaded whole or not at all, and no older version of a record takes the place of a newer one. So the hourly incremental DAG may
go on meanwhile, a shard may be tried again, and the whole run may be repeated.

Connections: `e3db_default`, the client that reads, and `warehouse_default`, a PostgreSQL, DuckDB or SQLite database.
Parameters: `record_type`, the range from `since` to `until` (empty: the present), and how many `shards`.
"""

from airflow.sdk import Param, dag

from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator
from e3db_connectors.airflow.transfers.plan_windows import E3DBPlanWindowsOperator
from e3db_connectors.airflow.transfers.verify_window import E3DBVerifyWindowOperator


@dag(
    schedule=None,
    params={
        "record_type": Param("contact", type="string"),
        "since": Param("2020-01-01T00:00:00Z", type="string"),
        "until": Param("", type="string"),
        "shards": Param(8, type="integer", minimum=1),
    },
    tags=["e3db"],
)
def e3db_sharded_backfill() -> None:
    """Plan, load, verify."""
    destination = {"record_type": "{{ params.record_type }}", "sql_conn_id": "warehouse_default"}
    shown = "{{ task.since }} to {{ task.until }}"

    plan = E3DBPlanWindowsOperator(task_id="plan", since="{{ params.since }}", until="{{ params.until }}", shards="{{ params.shards }}")
    load = E3DBToSqlOperator.partial(
        task_id="load",
        lookback_seconds=0,  # the shard before has what is older
        max_active_tis_per_dagrun=4,
        map_index_template=shown,
        **destination,
    ).expand_kwargs(plan.output)
    verify = E3DBVerifyWindowOperator.partial(task_id="verify", map_index_template=shown, **destination).expand_kwargs(plan.output)
    load >> verify


e3db_sharded_backfill()
