"""Real parts for the tests: a server process on a free loopback port, clients registered with it, commands of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from e3db_connectors import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BIN = Path(sys.executable).parent
TOKEN = "a-registration-token"


class Server:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder

    def register(self, name: str = "tester") -> Client:
        """A client of this server."""
        return Client(Client.register(TOKEN, name, api_url=self.url).config)


@contextmanager
def running_server(folder: Path, *options: str) -> Iterator[Server]:
    """Run `e3db-connectors serve` with all its files in *folder*; SIGTERM ends it."""
    environment = {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": TOKEN}
    command = [str(BIN / "e3db-connectors"), "serve", "--port", "0"]
    command += ["--database", f"sqlite:///{folder / 'e3db.sqlite'}", "--files-dir", str(folder / "files"), *options]
    with (folder / "server.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://"), (folder / "server.log").read_text()
            yield Server(process, line.split()[-1], folder)
        finally:
            process.terminate()
            try:
                process.wait(15)
            finally:
                process.kill()
                process.stdout.close()


@pytest.fixture(scope="session", name="running_server")
def _running_server() -> Callable[..., AbstractContextManager[Server]]:
    """Runs a server of the test's own: ``with running_server(folder) as server``."""
    return running_server


@pytest.fixture(scope="session")
def registration_token() -> str:
    """What registers clients with these servers."""
    return TOKEN


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole session; tests keep apart by registering clients of their own."""
    with running_server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A newly registered client that owns nothing yet."""
    with server.register() as made:
        yield made


@pytest.fixture
def stranger(server: Server) -> Iterator[Client]:
    """Another client, with which nothing is shared."""
    with server.register("stranger") as made:
        yield made


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or touches, the credentials of whoever runs it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in os.environ:
        if name.startswith("E3DB_"):
            monkeypatch.delenv(name)


@pytest.fixture
def credentials_file(client: Client, tmp_path: Path) -> Path:
    """A file with the credentials of `client`."""
    path = tmp_path / "credentials.json"
    client.config.write_file(path)
    return path


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command of the project: ``run("tap-e3db", "--about", stdin="...")``."""

    def run_command(command: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_command


@pytest.fixture(scope="session")
def vectors() -> dict[str, object]:
    """Test vectors made by running existing E3DB clients; their `readme` member explains them."""
    return json.loads((Path(__file__).parent / "vectors" / "vectors.json").read_text(encoding="utf-8"))
