"""Let another client read a record type for as long as a run lasts.

The grant is the setup of the work and its revoke the teardown, so it is taken back even when the work fails. The work here counts
what the reader can read; put your own in its place.

Connections: `e3db_default`, the client whose records are shared, and `e3db_reader`, the client that works with them.
Parameters: `record_type`, and `reader_id`, the reader's client id.
"""

from airflow.sdk import Param, dag, get_current_context, task

from e3db_connectors.airflow.operators.sharing import E3DBRevokeOperator, E3DBShareOperator


@dag(
    schedule=None,
    max_active_runs=1,  # the first of two runs to end would take the grant from the other
    params={"record_type": Param("contact", type="string"), "reader_id": Param(None, type=["null", "string"])},
    tags=["e3db"],
)
def share_for_one_run() -> None:
    """Share, work, revoke."""
    grant = {"record_type": "{{ params.record_type }}", "reader_id": "{{ params.reader_id }}"}
    share = E3DBShareOperator(task_id="share", **grant)
    revoke = E3DBRevokeOperator(task_id="revoke", **grant)

    @task
    def work() -> int:
        from e3db_connectors.airflow.hooks.e3db import E3DBHook

        record_type = get_current_context()["params"]["record_type"]
        with E3DBHook("e3db_reader") as hook:
            return sum(1 for _ in hook.get_conn().query_all(record_type=record_type, writer="all"))

    share >> work() >> revoke.as_teardown(setups=share)


share_for_one_run()
