"""What is shipped for dbt, in a real dbt project on what target-duckdb makes of the tap's streams: sources with their tests, macro, model."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
DBT = ROOT / ".venvs" / "dbt" / "bin" / "dbt"
TARGET = ROOT / ".venvs" / "target-duckdb" / "bin" / "target-duckdb"
OURS = Path(sys.executable).parent
PROJECT = {"name": "crm", "profile": "crm", "version": "1.0", "model-paths": ["models"], "macro-paths": ["macros"]}


class Warehouse:
    """A file of DuckDB that tap and loader fill, and a dbt project on it."""

    def __init__(self, folder, credentials_file):
        self.path, self.project, self._folder = folder / "warehouse.duckdb", folder / "project", folder
        self._tap, self._target, self._state = (folder / f"{name}.json" for name in ("tap", "target", "state"))
        settings = {"credentials_file": str(credentials_file), "detect_deletes": True, "settle_seconds": 0, "lookback_seconds": 0}
        self._tap.write_text(json.dumps(settings))
        self._target.write_text(json.dumps({"filepath": str(self.path), "default_target_schema": "raw"}))
        shutil.copytree(ROOT / "docs" / "examples" / "deletes" / "dbt", self.project)
        (self.project / "dbt_project.yml").write_text(json.dumps(PROJECT))
        output = {"type": "duckdb", "path": str(self.path), "threads": 1}
        (self.project / "profiles.yml").write_text(json.dumps({"crm": {"target": "dev", "outputs": {"dev": output}}}))

    def load(self):
        """Tap to loader."""
        state = ["--state", self._state] if self._state.exists() else []
        messages = self._run(OURS / "tap-e3db", "--config", self._tap, *state).stdout
        done = self._run(TARGET, "--config", self._target, input=messages)
        self._state.write_text(done.stdout.splitlines()[-1])

    def describe(self):
        """Write the sources."""
        catalog = self._run(OURS / "tap-e3db", "--config", self._tap, "--discover").stdout
        (self.project / "models" / "sources.yml").write_text(
            self._run(OURS / "e3db-connectors", "dbt-sources", "-", "--schema", "raw", input=catalog).stdout
        )

    def build(self):
        """Run ``dbt build``; what it says of each node, by its name."""
        quiet = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
        done = subprocess.run(
            [DBT, "build", "--project-dir", self.project, "--profiles-dir", self.project],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=quiet,
            cwd=self.project,
        )
        assert done.returncode in {0, 1}, done.stdout + done.stderr
        assert "WARNING" not in done.stdout, done.stdout
        results = json.loads((self.project / "target" / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["status"] for result in results}

    def execute(self, sql):
        with duckdb.connect(str(self.path)) as database:
            return database.execute(sql).fetchall()

    def _run(self, *command, **options):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False, **options)
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def warehouse(tmp_path, credentials_file):
    return Warehouse(tmp_path, credentials_file)


def settle(client):
    before = client.server_time()
    while client.server_time() <= before:
        time.sleep(0.05)


def test_sources_and_model_build_and_follow_a_deletion(client, warehouse):
    ada, *_ = (client.write("contact", {"name": name, "Age Group": "x"}) for name in ("Ada", "Bob", "Eve"))
    client.write("a/b", {"select": "1"}, {"city": "Porto"})
    settle(client)
    warehouse.load()
    warehouse.describe()
    built = warehouse.build()
    assert set(built.values()) == {"pass", "success"}
    assert sorted(built.values()) == ["pass"] * 8 + ["success"]
    assert warehouse.execute("SELECT name FROM contact_current ORDER BY name") == [("Ada",), ("Bob",), ("Eve",)]
    client.delete(ada.meta.record_id)
    settle(client)
    warehouse.execute("DROP TABLE raw.contact__live")  # this loader ignores ACTIVATE_VERSION
    warehouse.load()
    assert set(warehouse.build().values()) == {"pass", "success"}
    assert warehouse.execute("SELECT name FROM contact_current ORDER BY name") == [("Bob",), ("Eve",)]


def test_a_key_that_is_there_twice_fails_its_test(client, warehouse):
    client.write("contact", {"name": "Ada"})
    settle(client)
    warehouse.load()
    warehouse.describe()
    warehouse.execute("CREATE TABLE raw.twice AS FROM raw.contact UNION ALL FROM raw.contact")
    warehouse.execute("DROP TABLE raw.contact; ALTER TABLE raw.twice RENAME TO contact")
    failed = [name for name, status in warehouse.build().items() if status == "fail"]
    assert failed == ["source_unique_e3db_contact___e3db_record_id_"]
