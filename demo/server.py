"""The demo's server, a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Final

from demo.processes import Failed, started

if TYPE_CHECKING:
    from contextlib import ExitStack

START_SECONDS: Final = 30


def start(folder: Path, children: ExitStack) -> str:
    """Start it on a free port, with its data, log and registration token in *folder*; it ends with *children*.

    Returns:
        Its URL.

    Raises:
        Failed: It did not start.
    """
    log = children.enter_context((folder / "server.log").open("w", encoding="utf-8"))
    command = [
        str(Path(sys.executable).parent / "e3db-connectors"),
        "serve",
        "--port",
        "0",
        "--database",
        f"sqlite:///{folder / 'e3db.sqlite'}",
    ]
    command += ["--files-dir", str(folder / "files"), "--registration-token-file", str(folder / "registration-token")]
    server = children.enter_context(started(command, stdout=subprocess.PIPE, stderr=log))
    alarm = Timer(START_SECONDS, server.kill)
    alarm.start()
    line = server.stdout.readline() if server.stdout else ""
    alarm.cancel()
    if "listening on " not in line:
        raise Failed("the server did not start; see .demo/server.log")
    return line.split()[-1]
