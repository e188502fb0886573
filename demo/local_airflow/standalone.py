"""A whole Airflow of `airflow standalone`: API server with its pages, scheduler, DAG processor and triggerer."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import requests

from demo.processes import Failed, started

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS: Final = 300
_AIRFLOW: Final = Path(sys.executable).parent / "airflow"
_PARTS: Final = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True)
class Airflow:
    """Where it is, and how to sign in."""

    url: str
    password: str
    user: str = "admin"


def with_address(environment: Mapping[str, str]) -> dict[str, str]:
    """Add the variables that make it listen on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    settings = {
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
    }
    return {**environment, **settings}


def command(environment: Mapping[str, str], *arguments: str) -> None:
    """Run one of Airflow's own commands, such as ``db migrate``.

    Raises:
        Failed: It did not succeed.
    """
    done = subprocess.run([str(_AIRFLOW), *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise Failed(f"airflow {' '.join(arguments[:2])} failed: {done.stderr.strip()[-500:]}")


@contextmanager
def running(environment: Mapping[str, str]) -> Iterator[Airflow]:
    """Start all parts, and yield when they are healthy; all that they started ends on the way out.

    Args:
        environment: Variables, those of `with_address` among them; the log becomes `airflow.log` in `AIRFLOW_HOME`.

    Raises:
        Failed: They did not become healthy.
    """
    home, url = Path(environment["AIRFLOW_HOME"]), environment["AIRFLOW__API__BASE_URL"]
    log_path = home / "airflow.log"
    with (
        log_path.open("w", encoding="utf-8") as log,
        started([str(_AIRFLOW), "standalone"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process,
    ):
        _wait_until_healthy(process, url, log_path)
        passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text(encoding="utf-8"))
        yield Airflow(url, passwords["admin"])


def _wait_until_healthy(process: subprocess.Popen[str], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(1)
        try:
            health = requests.get(f"{url}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            continue
        if all((health.get(part) or {}).get("status") == "healthy" for part in _PARTS):
            return
    raise Failed(f"Airflow did not become healthy; see {log}")
