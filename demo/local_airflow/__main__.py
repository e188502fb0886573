"""`make airflow`: a local Airflow with the demo's connections and DAGs, until Ctrl-C."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack

from demo.local_airflow import home, standalone
from demo.processes import Failed, raise_on_signals
from demo.report import say
from demo.server import start


def main() -> int:
    """Start it, say where it is, and wait."""
    raise_on_signals()
    try:
        with ExitStack() as children:
            url = _start_e3db(children)
            environment = standalone.with_address({**home.environment(), "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10"})
            say("Airflow prepares its database in .demo/airflow/")
            standalone.command(environment, "db", "migrate")
            _connect(environment)
            airflow = children.enter_context(standalone.running(environment))
            say(f"\nAirflow:   {airflow.url}   user {airflow.user}, password {airflow.password}")
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


def _connect(environment: dict[str, str]) -> None:
    """Put the connections into the metadata database, so that they can be looked at."""
    file = home.HOME / "connections.json"
    file.write_text(json.dumps(home.connections(home.CREDENTIALS)), encoding="utf-8")
    standalone.command(environment, "connections", "import", "--overwrite", str(file))


if __name__ == "__main__":
    sys.exit(main())
