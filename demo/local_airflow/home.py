"""The settings of this Airflow, and its connections."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
DEMO: Final = ROOT / ".demo"
HOME: Final = DEMO / "airflow"
CREDENTIALS: Final = HOME / "credentials.json"
"""Of the demo's client, with the address that its server has now."""

WAREHOUSE: Final = DEMO / "warehouse-airflow.duckdb"


def environment(home: Path = HOME, dags: Path = ROOT / "dags") -> dict[str, str]:
    """Variables for Airflow's processes; those of another Airflow, and of E3DB, are left out."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "E3DB_"))}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),  # it starts itself by its name
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",  # on a busy machine 5 seconds fail tasks before they begin
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
    }


def connections(credentials: Path) -> dict[str, dict[str, Any]]:
    """The connections that the DAGs name; that of E3DB holds no secret but says where the client's credentials are."""
    return {
        "e3db_default": {"conn_type": "e3db", "extra": json.dumps({"credentials_file": str(credentials)})},
        "warehouse_default": {"conn_type": "duckdb", "host": str(WAREHOUSE)},
    }
