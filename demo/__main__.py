"""The demo, step by step: `make demo` runs it from the project's root."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self

from demo import server, warehouse
from demo.flights import TABLES, Row, Table, messages
from demo.local_airflow import home
from demo.processes import Failed, raise_on_signals, started
from demo.report import AccessLog, Progress, Step, say, table, tap_report
from e3db_connectors import Client, Config, Search
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parent.parent
HERE: Final = ROOT / ".demo"
BIN: Final = Path(sys.executable).parent
MELTANO: Final = ROOT / ".venvs" / "meltano" / "bin" / "meltano"
CHANGED, ADDED = 25, 5


class Demo:
    """A server, a client, a source and a warehouse."""

    def __init__(self) -> None:
        """Make an empty folder for everything that the demo leaves."""
        shutil.rmtree(HERE, ignore_errors=True)
        HERE.mkdir()
        self._children = ExitStack()
        self.steps: list[Step] = []
        self.source: dict[str, list[Row]] = {item.name: item.read() for item in TABLES}

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        """End all processes."""
        self._children.__exit__(kind, exc, trace)

    def start_server(self) -> str:
        """Start the server; its data and log are below `.demo`."""
        (HERE / "registration-token").touch(0o600)
        (HERE / "registration-token").write_text(secrets.token_hex(32))
        url = server.start(HERE, self._children)
        self.log = AccessLog(HERE / "server.log")
        return url

    def register(self, url: str) -> None:
        """Register a client; its keys are made here and stay in `.demo/credentials.json`."""
        run("e3db-connectors", "register", "--api-url", url, "--name", "demo", "--token-file", str(HERE / "registration-token"),
            "--credentials-file", str(HERE / "credentials.json"))  # fmt: skip
        self.client = self._children.enter_context(Client(Config.from_file(HERE / "credentials.json")))

    def load(self, title: str, tables: dict[Table, list[Row]]) -> None:
        """Send rows to `target-e3db`, which encrypts them."""
        began, _ = time.monotonic(), self.log.requests()
        log_size = (HERE / "target.log").stat().st_size if (HERE / "target.log").exists() else 0
        (HERE / "target.json").write_text(json.dumps({"credentials_file": str(HERE / "credentials.json")}))
        total = sum(map(len, tables.values()))
        progress, requests, written = Progress("rows encrypted and stored", total), 0, 0
        with (HERE / "target.log").open("a", encoding="utf-8") as errors, started(
            [str(BIN / "target-e3db"), "--config", str(HERE / "target.json")],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors,
        ) as target:  # fmt: skip
            feeder = Thread(target=_feed, args=(target, tables), daemon=True)
            feeder.start()
            while target.poll() is None:
                time.sleep(0.1)
                requests, written = self._count(requests, written)
                progress.show(min(written, total))  # what is counted are requests, and schema records are written too
            feeder.join()
            if target.returncode:
                raise Failed("target-e3db failed; see .demo/target.log")
        requests, _ = self._count(requests, written)
        written = _rows_written((HERE / "target.log").read_bytes()[log_size:].decode())
        progress.show(written, last=True)
        self.steps.append(Step(title, written, requests, time.monotonic() - began))

    def _count(self, requests: int, written: int) -> tuple[int, int]:
        lines = self.log.requests()
        stored = [line for line in lines if line.startswith(("POST /v1/storage/records 201", "PUT /v1/storage/records/safe/"))]
        return requests + len(lines), written + len(stored)

    def wait_for_clock(self) -> None:
        """Wait until the server's clock has passed the last write by a second: a run reads up to the server's present."""
        newest = self.client.search(Search(count=1).range(key="MODIFIED").order("DESCENDING"))
        last_write = times.parse(next(iter(newest)).meta.last_modified)
        while self.client.server_time() < last_write + timedelta(seconds=1):
            time.sleep(0.1)

    def sync(self, title: str) -> int:
        """Run `meltano run tap-e3db target-duckdb`.

        Returns:
            How many rows moved: the RECORD lines between tap and loader.
        """
        self.wait_for_clock()
        began, _ = time.monotonic(), self.log.requests()
        written = (HERE / "meltano.log").stat().st_size if (HERE / "meltano.log").exists() else 0
        with (HERE / "meltano.log").open("a", encoding="utf-8") as log, started(
            [str(MELTANO), "run", "tap-e3db", "target-duckdb"], cwd=ROOT, env=_meltano_environment(), stdout=log, stderr=log,
        ) as meltano:  # fmt: skip
            if meltano.wait():
                raise Failed("meltano run failed; see .demo/meltano.log")
        say("  " + tap_report((HERE / "meltano.log").read_bytes()[written:].decode()))
        moved = json.loads((HERE / "moved.jsonl").read_text().splitlines()[-1])
        count: int = sum(moved.values())
        self.steps.append(Step(title, count, len(self.log.requests()), time.monotonic() - began))
        return count

    def run_dag(self, title: str) -> int:
        """Run the DAG `e3db_incremental_to_warehouse` once; its tasks tell how many rows they have loaded, in their manifests."""
        began, _ = time.monotonic(), self.log.requests()
        result = HERE / "airflow-result.json"
        arguments = ["e3db_incremental_to_warehouse", json.dumps({"record_types": list(self.source)}), str(HERE / "credentials.json")]
        home.HOME.mkdir(exist_ok=True)
        with (HERE / "airflow.log").open("a", encoding="utf-8") as log, started(
            [sys.executable, "-m", "demo.local_airflow.run", *arguments, str(result)],
            cwd=ROOT, env=home.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        ) as airflow:  # fmt: skip
            if airflow.wait():
                raise Failed("the DAG failed; see .demo/airflow.log")
        manifests = [item["returned"] for item in json.loads(result.read_text()) if item["task"] == "load"]
        for manifest in manifests:
            say("  " + ", ".join(f"{name} {value}" for name, value in manifest.items() if value is not None))
        count: int = sum(manifest["records"] for manifest in manifests)
        self.steps.append(Step(title, count, len(self.log.requests()), time.monotonic() - began))
        return count

    def check(self, name: str = "warehouse.duckdb") -> int:
        """Compare a warehouse with the source; return how many rows are equal."""
        return sum(warehouse.check(HERE / name, item, self.source[item.name]) for item in TABLES)

    def change_planes(self) -> Table:
        """Change 25 planes of the source and add 5."""
        planes = next(item for item in TABLES if item.name == "planes")
        rows = self.source["planes"]
        rows[:CHANGED] = [{**row, "seats": row["seats"] + 1} for row in rows[:CHANGED]]
        rows += [{**row, "tailnum": f"{row['tailnum']}-NEW"} for row in rows[:ADDED]]
        return planes

    def show_record(self) -> None:
        """Show a record as the server has it, and as its owner reads it."""
        with sqlite3.connect(HERE / "e3db.sqlite") as database:
            record_id, stored = database.execute("SELECT record_id, data FROM records WHERE type = 'planes' LIMIT 1").fetchone()
        clear = self.client.read(record_id).data
        say(f"  {'field':<14}{'as the server stores it':<50}as its owner reads it")
        for name, quad in json.loads(stored).items():
            say(f"  {name:<14}{quad[:44] + '...':<50}{clear[name]}")


def run(command: str, *arguments: str) -> None:
    """Run a command of the project to its end."""
    done = subprocess.run([str(BIN / command), *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Failed(f"{command} {arguments[0]} failed: {done.stderr.strip()}")


def _rows_written(log: str) -> int:
    """How many rows the target says it has created or updated."""
    return sum(int(created) + int(updated) for created, updated in re.findall(r"rows written: (\d+) created, (\d+) updated", log))


def _feed(target: subprocess.Popen[str], tables: dict[Table, list[Row]]) -> None:
    if target.stdin is None:
        return
    try:
        with target.stdin as stream:
            for item, rows in tables.items():
                stream.writelines(messages(item, rows))
    except BrokenPipeError:
        pass  # the target has ended; its exit code says why


def _meltano_environment() -> dict[str, str]:
    folder = HERE / "bin"
    folder.mkdir(exist_ok=True)
    wrapper = folder / "tap-e3db"
    wrapper.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "demo" / "counting_tap.py"}" "{HERE / "moved.jsonl"}" "{BIN / "tap-e3db"}" "$@"\n',
    )
    wrapper.chmod(0o755)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("MELTANO_", "TAP_", "TARGET_", "E3DB_"))},
        "PATH": os.pathsep.join([str(folder), str(BIN), os.environ.get("PATH", os.defpath)]),
        "TAP_E3DB_CREDENTIALS_FILE": str(HERE / "credentials.json"),
        # The project's own server has no lag between a write and its search, so nothing has to be read twice and a run may
        # go up to the present. With the hosted service, leave both out: the defaults are 300 and 5 seconds.
        "TAP_E3DB_LOOKBACK_SECONDS": "0",
        "TAP_E3DB_SETTLE_SECONDS": "0",
        "MELTANO_PROJECT_ROOT": str(ROOT),
        "MELTANO_SYS_DIR_ROOT": str(HERE / "meltano"),
        "MELTANO_DATABASE_URI": f"sqlite:///{HERE / 'meltano.db'}",
        "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
        "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
        "MELTANO_AUTO_INSTALL": "false",
    }


def expect(what: str, found: Any, wanted: Any) -> None:
    """Go on only if *found* is *wanted*."""
    if found != wanted:
        raise Failed(f"{what}: {found:,} instead of {wanted:,}")
    say(f"  {what}: {found:,}, as it should be")


def main() -> int:
    """Run the demo; 0 if every check holds."""
    raise_on_signals()
    try:
        with Demo() as demo:
            play(demo)
    except Failed as exc:
        say(f"\ndemo: FAILED: {exc}")
        return 1
    except KeyboardInterrupt:
        say("\ndemo: interrupted; all its processes have been ended")
        return 130
    return 0


def play(demo: Demo) -> None:
    """The main job."""
    total = sum(map(len, demo.source.values()))
    url = demo.start_server()
    say(f"1. An E3DB-compatible server listens on {url}; all its files are in .demo/")
    demo.register(url)
    say("   A client is registered; its private keys never leave .demo/credentials.json")
    say(f"\n2. target-e3db encrypts {total:,} rows of {', '.join(demo.source)} and stores them")
    demo.load("load: source to E3DB (target-e3db)", {item: demo.source[item.name] for item in TABLES})
    say("\n3. One record:")
    demo.show_record()
    say("\n4. meltano run tap-e3db target-duckdb: everything goes to the warehouse")
    expect("rows that moved", demo.sync("first sync: E3DB to DuckDB (meltano run)"), total)
    expect("rows of the warehouse that equal the source in every value", demo.check(), total)
    say(f"\n5. {CHANGED} planes change and {ADDED} are new; target-e3db gets the whole table again")
    planes = demo.change_planes()
    demo.load("load again: only what differs is written", {planes: demo.source["planes"]})
    expect("rows that were written", demo.steps[-1].rows, CHANGED + ADDED)
    say("\n6. meltano run again: only the changes move")
    expect("rows that moved", demo.sync("second sync: only the changes"), CHANGED + ADDED)
    expect("rows of the warehouse that equal the source in every value", demo.check(), total + ADDED)
    say("\n7. And once more: nothing has changed")
    expect("rows that moved", demo.sync("third sync: nothing to do"), 0)
    say(
        "\n8. The Airflow DAG e3db_incremental_to_warehouse, run once: everything goes to a warehouse of its own; the manifests of its tasks:"
    )
    expect("rows that moved", demo.run_dag("Airflow DAG: E3DB to DuckDB"), total + ADDED)
    expect("rows of that warehouse that equal the source in every value", demo.check(home.WAREHOUSE.name), total + ADDED)
    say("\nDone.")
    table(demo.steps)
    say("\nWhere to look next: .demo/warehouse.duckdb (the rows), .demo/e3db.sqlite (what the server knows),")
    say(".demo/meltano.log, meltano.yml (the pipeline), README.md (how to point it at your own records).")


if __name__ == "__main__":
    sys.exit(main())
