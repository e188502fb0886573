"""Load what has changed in E3DB into a warehouse, every hour.

Each record type becomes a table. What the last run has loaded is kept in the warehouse itself, in the table `_e3db_state`, so a run
that fails, is killed or repeated neither loses nor doubles a row. Rows whose records have been deleted are marked in `_e3db_deleted_at`.

Connections: `e3db_default`, the client that reads, and `warehouse_default`, a PostgreSQL, DuckDB or SQLite database.
Parameters: `record_types`.
"""

from airflow.sdk import Param, dag, get_current_context, task

from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator


@dag(
    schedule="@hourly",
    catchup=False,
    max_active_runs=1,  # of two runs at once one would fail, and find nothing to do when it is tried again
    params={"record_types": Param(["contact"], type="array", items={"type": "string"})},
    tags=["e3db"],
)
def e3db_incremental_to_warehouse() -> None:
    """Load each type into its table."""

    @task
    def record_types() -> list[str]:
        found: list[str] = get_current_context()["params"]["record_types"]
        return found

    E3DBToSqlOperator.partial(
        task_id="load",
        sql_conn_id="warehouse_default",
        detect_deletes=True,
        map_index_template="{{ task.record_type }}",
    ).expand(record_type=record_types())


e3db_incremental_to_warehouse()
