"""The database's URL out of a file, for one that holds a password."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from e3db_connectors import Client

COMMAND = Path(sys.executable).parent / "e3db-connectors"
VARIABLE = "E3DB_SERVER_DATABASE_FILE"


@pytest.fixture
def url_file(tmp_path):
    path = tmp_path / "url"
    path.write_text(f"sqlite:///{tmp_path / 'named.sqlite'}\n")
    return path


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Start the command with these options and what the environment names; gives its URL."""

    @contextmanager
    def start(*options):
        monkeypatch.setenv("E3DB_SERVER_REGISTRATION_TOKEN", "a-token")
        command = [COMMAND, "serve", "--port", "0", "--files-dir", tmp_path / "files", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=tmp_path) as process:
            try:
                yield process.stdout.readline().split()[-1]
            finally:
                process.terminate()

    return start


@pytest.mark.parametrize("by_variable", [False, True], ids=["option", "variable"])
def test_a_file_names_the_database_of_the_server_and_of_its_commands(started, run, url_file, tmp_path, monkeypatch, by_variable):
    if by_variable:
        monkeypatch.setenv(VARIABLE, str(url_file))
    options = () if by_variable else ("--database-file", str(url_file))
    made = run("e3db-connectors", "server", "token", "create", "--note", "first", *options)
    assert made.returncode == 0, made.stderr
    with started(*options) as url:
        assert Client.register(made.stdout.strip(), "somebody", api_url=url).client_id
    listed = run("e3db-connectors", "server", "token", "list", "--json", *options)
    assert [row["note"] for row in map(json.loads, listed.stdout.splitlines())] == ["first"]
    assert (tmp_path / "named.sqlite").exists()
    assert not (tmp_path / "e3db.sqlite").exists()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("server", "token", "list")], ids=" ".join)
@pytest.mark.parametrize(
    ("content", "variables", "said"),
    [
        (None, {}, "No such file"),
        (b"\n", {}, "is empty"),
        (b"\xff", {}, "is no text"),
        (b"mysql://user:hunter2@localhost/e3db", {}, "sqlite:///"),
        (b"sqlite:///other.sqlite?password=hunter2", {"E3DB_SERVER_DATABASE": "sqlite:///e3db.sqlite"}, "named twice"),
    ],
)
def test_what_is_wrong_is_one_line_without_the_password(run, tmp_path, monkeypatch, command, content, variables, said):
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    for name, value in {"E3DB_SERVER_REGISTRATION_TOKEN": "t", "E3DB_SERVER_FILES_DIR": str(tmp_path / "files"), **variables}.items():
        monkeypatch.setenv(name, value)
    done = run("e3db-connectors", *command, "--database-file", path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert said in done.stderr
    assert "hunter2" not in done.stderr
