"""Run the pipeline of a Meltano project: what has changed in E3DB goes through `tap-e3db` to a loader.

Meltano keeps the state, where `state_backend_uri` says, else where the project says. The credentials are those of the connection: the
project holds none. To load a window again, give `since` and `until`; it has a state of its own.

Connection: `e3db_default`, the client that reads.
Parameters: `project_dir`, the folder of `meltano.yml`; by default the folder above this one. `pipeline`, its plugins.
`meltano`, the command.
"""

from pathlib import Path

from airflow.sdk import Param, dag

from e3db_connectors.airflow.operators.meltano import MeltanoRunOperator

PROJECT = Path(__file__).resolve().parent.parent


@dag(
    schedule="@hourly",
    catchup=False,
    max_active_runs=1,  # Meltano locks a pipeline's state, and the second of two runs would fail
    params={
        "pipeline": Param(["tap-e3db", "target-duckdb"], type="array", items={"type": "string"}),
        "project_dir": Param(str(PROJECT), type="string"),
        "meltano": Param(str(PROJECT / ".venvs" / "meltano" / "bin" / "meltano"), type="string"),
        "since": Param(None, type=["null", "string"]),
        "until": Param(None, type=["null", "string"]),
        "state_backend_uri": Param(None, type=["null", "string"]),
    },
    render_template_as_native_obj=True,
    tags=["e3db"],
)
def meltano_run() -> None:
    """Run it."""
    MeltanoRunOperator(
        task_id="run",
        pipeline="{{ params.pipeline }}",
        project_dir="{{ params.project_dir }}",
        since="{{ params.since }}",
        until="{{ params.until }}",
        state_backend_uri="{{ params.state_backend_uri }}",
        meltano="{{ params.meltano }}",
    )


meltano_run()
