"""The resource of docs/sync.md in a real dlt pipeline, in the environment that `make interop` makes for it: rows land in DuckDB, and only changes follow."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venvs" / "dlt" / "bin" / "python"

PIPELINE = """
import json, sys
import dlt
from e3db_connectors import Client, Config
from e3db_connectors.sync import read_pages

credentials, page, folder, database = sys.argv[1:]
exec(open(page).read())
with Client(Config.from_mapping(json.load(open(credentials)))) as client:
    pipeline = dlt.pipeline("e3db", pipelines_dir=folder, destination=dlt.destinations.duckdb(database), dataset_name="crm")
    pipeline.run(contacts(client)).raise_on_failed_jobs()
    moved = pipeline.last_trace.last_normalize_info.row_counts.get("contacts", 0)
    with pipeline.sql_client() as sql:
        rows = sql.execute_sql("SELECT _e3db_record_id, name FROM contacts")
    kept = pipeline.state["sources"]["e3db"]["resources"]["contacts"]["e3db"]
print(json.dumps({"moved": moved, "rows": dict(rows), "state": kept}))
"""
"""A run as a process of its own: what it knows of the run before is what dlt has kept."""


@pytest.fixture
def pipeline(tmp_path, credentials_file):
    """Run the pipeline; in which folder dlt keeps its working files may be chosen, as on another machine."""
    page = (ROOT / "docs" / "sync.md").read_text(encoding="utf-8")
    [resource] = re.findall(r"^```python\nimport dlt\n\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    code = tmp_path / "resource.py"
    code.write_text(resource)
    quiet = {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "DLT_DATA_DIR": str(tmp_path / "dlt")}

    def run(machine="here"):
        command = [PYTHON, "-c", PIPELINE, credentials_file, code, tmp_path / machine, tmp_path / "warehouse.duckdb"]
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, env={**os.environ, **quiet}
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_a_second_run_moves_only_what_has_changed(client, pipeline):
    ada, bob, eve = (client.write("contact", {"name": name, "age": "36"}) for name in ("Ada", "Bob", "Eve"))
    first = pipeline()
    assert first["moved"] == 3
    assert first["rows"] == {ada.meta.record_id: "Ada", bob.meta.record_id: "Bob", eve.meta.record_id: "Eve"}
    bob.data["name"] = "Bobby"
    client.update(bob)
    second = pipeline()
    assert second["moved"] == 1
    assert second["rows"] == {**first["rows"], bob.meta.record_id: "Bobby"}
    assert second["state"] != first["state"]
    assert "Ada" not in json.dumps(second["state"])


def test_the_state_comes_back_from_the_warehouse(client, pipeline):
    """dlt keeps it beside the rows, so that another machine goes on where this one has left off."""
    client.write("contact", {"name": "Ada"})
    pipeline()
    written = client.write("contact", {"name": "Bob"})
    there = pipeline("there")
    assert there["moved"] == 1
    assert there["rows"][written.meta.record_id] == "Bob"
    assert len(there["rows"]) == 2
