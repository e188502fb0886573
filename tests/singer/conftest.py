"""Taps and targets as processes, on a client of their own."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import pytest

from e3db_connectors.singer.tap import TapE3DB
from e3db_connectors.singer.target import TargetE3DB


class Plugins:
    """Runs `tap-e3db` and `target-e3db` with the credentials of one client."""

    def __init__(self, run, folder, credentials_file, client):
        self._run, self._folder, self._credentials, self.client = run, folder, str(credentials_file), client

    def config(self, name, **settings):
        path = self._folder / f"{name}-{time.monotonic_ns()}.json"
        path.write_text(json.dumps(settings))
        return path

    def target_config(self, **settings):
        return self.config("target", credentials_file=self._credentials, **settings)

    def tap_config(self, **settings):
        return self.config("tap", **{"credentials_file": self._credentials, "lookback_seconds": 0, "settle_seconds": 0, **settings})

    def load(self, *messages, **settings):
        text = "".join(json.dumps(message) + "\n" for message in messages)
        return self._run("target-e3db", "--config", self.target_config(**settings), stdin=text)

    def read(self, *arguments, state=None, catalog=None, **settings):
        """Run the tap once the server's second has passed, and take its messages apart."""
        self.settle()
        options = ["--config", self.tap_config(**settings), *arguments]
        for name, value in (("--state", state), ("--catalog", catalog)):
            if value is not None:
                options += [name, self.config(name.strip("-"), **value)]
        done = self._run("tap-e3db", *options)
        assert done.returncode == 0, done.stderr
        return Output(done)

    def discover(self, **settings):
        done = self._run("tap-e3db", "--config", self.tap_config(**settings), "--discover")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def settle(self):
        """Wait until the server's clock, of whole seconds, has passed what was written before."""
        before = self.client.server_time()
        while self.client.server_time() <= before:
            time.sleep(0.05)


class Output:
    """What a tap has written."""

    def __init__(self, done):
        self.stderr = done.stderr
        self.messages = [json.loads(line) for line in done.stdout.split("\n") if line]

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    @property
    def state(self):
        return self.of("STATE")[-1]["value"]

    def rows(self, stream):
        return [message["record"] for message in self.of("RECORD") if message["stream"] == stream]

    def data(self, stream):
        """Rows without the meta columns and without the column of fields that are in no schema."""
        return [
            {name: value for name, value in row.items() if not name.startswith("_e3db_") and name != "_extra"} for row in self.rows(stream)
        ]


class Forks:
    """Runs plugins as processes that begin where their imports end, see `plugin_forks`."""

    def __init__(self, folder):
        self._path = str(folder / "forks")
        self._process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("plugin_forks.py")), self._path])
        deadline = time.monotonic() + 60
        while not Path(self._path).exists():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, command, *arguments, stdin=""):
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
            source.write(stdin.encode())
            source.seek(0)
            files = [source.fileno(), out.fileno(), errors.fileno()]
            argv = [str(Path(sys.executable).with_name(command)), *map(str, arguments)]
            asked = {"argv": argv, "environment": dict(os.environ), "folder": str(Path.cwd())}
            code = self._exit_code(json.dumps(asked).encode(), files)
            for file in (out, errors):
                file.seek(0)
            return subprocess.CompletedProcess(argv, code, out.read().decode(), errors.read().decode())

    def _exit_code(self, message, files):
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("r") as told:
            connection.settimeout(60)
            connection.connect(self._path)
            socket.send_fds(connection, [message], files)
            process_id = int(told.readline())
            try:
                return int(told.read())
            except TimeoutError:
                os.kill(process_id, signal.SIGKILL)
                raise

    def close(self):
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def forks(tmp_path_factory):
    with closing(Forks(tmp_path_factory.mktemp("forks"))) as made:
        yield made


@pytest.fixture
def run(forks):
    """Run a plugin: ``run("tap-e3db", "--about", stdin="...")``."""
    return forks.run


@pytest.fixture
def plugins(run, tmp_path, credentials_file, client):
    return Plugins(run, tmp_path, credentials_file, client)


@pytest.fixture(autouse=True)
def _own_signals():
    """A plugin that is made within this process takes its signals; they are given back."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def tap(plugins):
    """Run the tap within this process, which is quicker: ``tap(state=..., catalog=..., **settings)``."""

    def read(state=None, catalog=None, *, before=lambda _tap: None, settle=True, **settings):
        if settle:
            plugins.settle()
        config = json.loads(plugins.tap_config(**settings).read_text())
        made = TapE3DB(config=config, state=json.loads(json.dumps(state)) if state else None, catalog=catalog)
        before(made)
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        try:
            with redirect_stdout(out):
                made.sync_all()
        finally:
            made.client.close()
            out.flush()
            read.text = out.buffer.getvalue().decode()
        return Output(SimpleNamespace(stdout=read.text, stderr=""))

    return read


@pytest.fixture
def target(plugins):
    """Run the target within this process, which is quicker: ``target(*messages, **settings)``; its states.

    ``kind`` is its class, ``before`` is called with the target, and ``on_state`` with each state, when it comes.
    """

    def write(*lines, kind=TargetE3DB, before=lambda _target: None, on_state=lambda _state: None, **settings):
        made = kind(config=json.loads(plugins.target_config(**settings).read_text()))
        before(made)
        written = States(on_state)
        try:
            with redirect_stdout(written):
                made.listen(io.StringIO("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)))
        finally:
            made.client.close()
            write.states = written.values
        return written.values

    return write


class States(io.StringIO):
    """Standard output of a target: a state a line."""

    def __init__(self, on_state):
        super().__init__()
        self.values, self._on_state = [], on_state

    def write(self, text):
        for line in text.splitlines():
            self.values.append(json.loads(line))
            self._on_state(self.values[-1])
        return len(text)


@pytest.fixture
def messages():
    """Builders of Singer messages."""

    class Messages:
        def schema(self, stream, key=("id",), **columns):
            return {"type": "SCHEMA", "stream": stream, "schema": {"type": "object", "properties": columns}, "key_properties": list(key)}

        def record(self, stream, **row):
            return {"type": "RECORD", "stream": stream, "record": row}

        def state(self, value):
            return {"type": "STATE", "value": value}

    return Messages()


class Pipe:
    """A tap and a target as processes, joined by a pipe; the target's STATE lines go to a file, as a runner keeps them."""

    def __init__(self, folder, tap, target):
        self._states = folder / f"states-{time.monotonic_ns()}.txt"
        errors = self._states.with_suffix(".log")
        with self._states.open("wb") as states, errors.open("ab") as log:
            self.tap = subprocess.Popen(list(map(str, tap)), stdout=subprocess.PIPE, stderr=log)
            self.target = subprocess.Popen(list(map(str, target)), stdin=self.tap.stdout, stdout=states, stderr=log)
        self.tap.stdout.close()
        self._errors = errors

    @property
    def state(self):
        """The last STATE that came whole; nothing if there was none."""
        lines = self._states.read_text(encoding="utf-8").split("\n")[:-1]
        return json.loads(lines[-1]) if lines else None

    def finish(self, timeout=60):
        codes = [self.tap.wait(timeout), self.target.wait(timeout)]
        assert codes == [0, 0], self._errors.read_text(encoding="utf-8")[-3000:]
        return self.state

    def kill_when(self, reached):
        """End both at once, as a machine does that loses its power, when *reached* says so and before they are done."""
        while not reached():
            assert self.target.poll() is None, self._errors.read_text(encoding="utf-8")[-3000:]
        for process in (self.tap, self.target):
            process.kill()
        codes = {process.wait(10) for process in (self.tap, self.target)}
        assert -signal.SIGKILL in codes
        return self.state


@pytest.fixture
def pipe(tmp_path):
    """Start ``pipe(tap_command, target_command)``; what is still running at the end is killed."""
    started = []

    def start(tap, target):
        started.append(Pipe(tmp_path, tap, target))
        return started[-1]

    yield start
    for made in started:
        for process in (made.tap, made.target):
            process.kill()
            process.wait(10)
