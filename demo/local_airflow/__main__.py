"""`make airflow`: a local Airflow with the demo's connections and DAGs, until Ctrl-C."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import requests

from demo.local_airflow import home
from demo.processes import Failed, raise_on_signals, started
from demo.report import say
from demo.server import start

BIN: Final = Path(sys.executable).parent
START_SECONDS: Final = 180
_PASSWORDS: Final = home.HOME / "simple_auth_manager_passwords.json.generated"


def main() -> int:
    """Start it, say where it is, and wait."""
    raise_on_signals()
    try:
        with ExitStack() as children:
            url = _start_e3db(children)
            environment, address = _environment()
            say("Airflow prepares its database in .demo/airflow/")
            _airflow(environment, "db", "migrate")
            _connect(environment)
            log = children.enter_context((home.HOME / "airflow.log").open("w", encoding="utf-8"))
            airflow = children.enter_context(
                started([str(BIN / "airflow"), "standalone"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log),
            )
            _wait_until_healthy(airflow, address)
            password = json.loads(_PASSWORDS.read_text(encoding="utf-8"))["admin"]
            say(f"\nAirflow:   {address}   user admin, password {password}")
            say(f"E3DB:      {url}")
            say('DAG to try: e3db_incremental_to_warehouse, with record_types ["planes", "airports", "weather"]')
            say("Its warehouse is .demo/warehouse-airflow.duckdb. Ctrl-C ends everything.")
            while True:
                time.sleep(1)
    except Failed as exc:
        say(f"\nairflow: FAILED: {exc}")
        return 1
    except KeyboardInterrupt:
        say("\nairflow: ended")
        return 0


def _start_e3db(children: ExitStack) -> str:
    """Start the demo's server where `make demo` left it, and let the client's credentials name its new address."""
    known = home.DEMO / "credentials.json"
    if not known.exists():
        raise Failed("there is no .demo/credentials.json; run 'make demo' first, which loads the records")
    url = start(home.DEMO, children)
    home.HOME.mkdir(exist_ok=True)
    home.CREDENTIALS.touch(0o600)
    home.CREDENTIALS.write_text(json.dumps({**json.loads(known.read_text(encoding="utf-8")), "api_url": url}), encoding="utf-8")
    return url


def _environment() -> tuple[dict[str, str], str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    }
    return {**home.environment(), **settings}, address


def _connect(environment: dict[str, str]) -> None:
    """Put the connections into the metadata database, so that they can be looked at."""
    file = home.HOME / "connections.json"
    file.write_text(json.dumps(home.connections(home.CREDENTIALS)), encoding="utf-8")
    _airflow(environment, "connections", "import", "--overwrite", str(file))


def _airflow(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run([str(BIN / "airflow"), *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Failed(f"airflow {' '.join(arguments[:2])} failed: {done.stderr.strip()[-500:]}")


def _wait_until_healthy(airflow: subprocess.Popen[str], address: str) -> None:
    for _ in range(START_SECONDS):
        time.sleep(1)
        if airflow.poll() is not None:
            break
        try:
            health = requests.get(f"{address}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            continue
        if all((health.get(part) or {}).get("status") == "healthy" for part in ("metadatabase", "scheduler", "dag_processor", "triggerer")):
            return
    raise Failed("it did not become healthy; see .demo/airflow/airflow.log")


if __name__ == "__main__":
    sys.exit(main())
