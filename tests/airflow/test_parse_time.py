"""How long Airflow takes to read our DAGs, beyond its own import."""

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "dags"

SCRIPT = """
import runpy, sys, time
import airflow.sdk, airflow.triggers.base, airflow.models
from airflow.providers.common.compat.sdk import determine_kwargs
start = time.process_time()
runpy.run_path(sys.argv[1])
print(time.process_time() - start)
"""


def seconds(path):
    finished = subprocess.run([sys.executable, "-c", SCRIPT, path], capture_output=True, text=True, check=True, timeout=60)
    return float(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_dag_is_read_in_a_moment(path):
    assert any(seconds(path) < 0.3 for _ in range(4))  # a busy machine is slow at times
