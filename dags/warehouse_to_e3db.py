"""Encrypt what has changed in a table of a warehouse and write it to E3DB, whenever the table has been loaded.

Let the task that loads the table name the asset `warehouse_people` as an outlet, or send an event for it by the API. Each row becomes
a record, or updates the one that has its key; rows that have not changed write nothing, so a run may be repeated.

Connections: `warehouse_default`, a PostgreSQL, DuckDB or SQLite database, and `e3db_default`, the client that writes.
Parameters: `table`, its `key_columns`, and `incremental_column`, one that grows whenever a row changes; without it, all rows are read.
"""

from airflow.sdk import Asset, Param, dag

from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator

PEOPLE = Asset("warehouse_people")


@dag(
    schedule=[PEOPLE],
    max_active_runs=1,  # of two runs at once one would fail, and find nothing to do when it is tried again
    params={
        "table": Param("people", type="string"),
        "key_columns": Param(["id"], type="array", items={"type": "string"}),
        "incremental_column": Param("updated_at", type=["null", "string"]),
    },
    render_template_as_native_obj=True,
    tags=["e3db"],
)
def warehouse_to_e3db() -> None:
    """Write the table."""
    SqlToE3DBOperator(
        task_id="write",
        sql_conn_id="warehouse_default",
        table="{{ params.table }}",
        key_columns="{{ params.key_columns }}",
        incremental_column="{{ params.incremental_column }}",
        record_type="{{ params.table }}",
    )


warehouse_to_e3db()
