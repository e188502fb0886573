"""The original SDKs as black boxes: each in an environment of its own that `make interop` makes, each client in a process of its own.

They are proprietary, so they are no dependency of anything here; plain `make test` collects nothing of this folder.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e3db_connectors import Config

collect_ignore_glob = [] if os.environ.get("E3DB_INTEROP") == "1" else ["*"]

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER.parents[1] / ".venvs"
PYTHON = ENVIRONMENTS / "interop-python" / "bin" / "python"
NODE_MODULES = ENVIRONMENTS / "interop-node" / "node_modules"
COMMANDS = {"python": [str(PYTHON), str(FOLDER / "python_driver.py")], "js": ["node", str(FOLDER / "js_driver.cjs")]}


class OriginalFailed(Exception):
    """The original SDK answered with an error."""


class Original:
    """A client of an original SDK: its methods are the driver's commands."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def __getattr__(self, name: str) -> Callable[..., object]:
        def command(**arguments: object) -> object:
            print(json.dumps({"do": name, **arguments}), file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
            assert line, f"the driver ended: {self._log.read_text()}"
            answer = json.loads(line)
            if "error" in answer:
                raise OriginalFailed(answer["error"])
            return answer["ok"]

        return command


@contextmanager
def _driver(sdk: str, folder: Path, credentials: str, **environment: str) -> Iterator[Original]:
    name = f"{sdk}-{len(list(folder.iterdir()))}"
    log, arguments = folder / f"{name}.log", []
    if credentials:
        arguments = [str(folder / f"{name}.json")]
        Path(arguments[0]).write_text(credentials, encoding="utf-8")
    with log.open("w", encoding="utf-8") as errors:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        variables = {**os.environ, "NODE_PATH": str(NODE_MODULES), "PYTHONDONTWRITEBYTECODE": "1", **environment}
        process = subprocess.Popen([*COMMANDS[sdk], *arguments], **pipes, text=True, encoding="utf-8", env=variables)
        try:
            yield Original(process, log)
        finally:
            process.stdin.close()
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.fixture
def original(tmp_path: Path) -> Iterator[Callable[..., Original]]:
    """Start a client of an original SDK: ``original("python", config)``; without credentials it can only register."""
    folder = tmp_path / "drivers"
    folder.mkdir()
    with ExitStack() as stack:

        def start(sdk: str, config: Config | None = None, **environment: str) -> Original:
            credentials = config.to_json() if config else ""
            return stack.enter_context(_driver(sdk, folder, credentials, **environment))

        yield start


@pytest.fixture(scope="session")
def interop_python() -> Path:
    """The Python that has the original SDK."""
    return PYTHON


@pytest.fixture(scope="session")
def original_failed() -> type[Exception]:
    """What a command raises when the SDK does."""
    return OriginalFailed


@pytest.fixture
def theirs(sdk: str, client, original) -> Original:
    """The original SDK with the credentials file of `client`: the same client in another program."""
    return original(sdk, client.config)


@pytest.fixture
def other(server):
    """Another client of ours."""
    with server.register("other") as made:
        yield made


@pytest.fixture
def their_other(sdk: str, other, original) -> Original:
    """The original SDK with the credentials of `other`."""
    return original(sdk, other.config)
