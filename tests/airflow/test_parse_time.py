"""How long Airflow takes to read our DAGs, beyond its own import."""

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "dags"
TRIES = 4  # a busy machine is slow at times

# Each DAG is read by a child of its own, to which Airflow is new only in what the DAG asks for.
SCRIPT = """
import os, runpy, sys, time
import airflow.sdk, airflow.triggers.base, airflow.models
from airflow.providers.common.compat.sdk import determine_kwargs
tries, *paths = sys.argv[1:]
for path in paths * int(tries):
    child = os.fork()
    if not child:
        start = time.process_time()
        runpy.run_path(path)
        print(path, time.process_time() - start, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_each_dag_is_read_in_a_moment():
    paths = [str(path) for path in sorted(FOLDER.glob("*.py"))]
    command = [sys.executable, "-W", "ignore", "-c", SCRIPT, str(TRIES), *paths]
    finished = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    seconds = defaultdict(list)
    for line in finished.stdout.splitlines():
        path, _, took = line.rpartition(" ")
        if path in paths:
            seconds[path].append(float(took))
    assert len(seconds) == len(paths)
    assert {Path(path).stem: min(took) for path, took in seconds.items() if min(took) >= 0.3} == {}
