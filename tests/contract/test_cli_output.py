"""What commands print, and how they end when something is not as it should be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from e3db_connectors import Config


@pytest.fixture
def e3db(run, credentials_file):
    """Run a command as `client`."""

    def command(*arguments, stdin=""):
        return run("e3db-connectors", *arguments, "--credentials-file", credentials_file, stdin=stdin)

    return command


def one_line(done):
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    return line


def test_sharing_in_json(e3db, stranger):
    shared, revoked = (json.loads(e3db(what, "t", stranger.client_id, "--json").stdout) for what in ("share", "revoke"))
    assert shared == {"record_type": "t", "reader_id": stranger.client_id, "may_read": True}
    assert revoked == {**shared, "may_read": False}


def test_registration_in_json(run, server, registration_token, tmp_path):
    token, path = tmp_path / "token", tmp_path / "new.json"
    token.write_text(registration_token)
    options = ("--api-url", server.url, "--name", "new", "--token-file", token, "--credentials-file", path, "--json")
    told = json.loads(run("e3db-connectors", "register", *options).stdout)
    config = Config.from_file(path)
    assert told == {
        "client_id": config.client_id,
        "api_url": server.url,
        "crypto_suite": "sodium",
        "credentials_file": str(path),
    }


def test_registration_looks_for_a_place_before_it_asks_the_server(run, tmp_path):
    options = ("--api-url", "http://127.0.0.1:1", "--name", "new", "--token-file", "-", "--credentials-file")
    assert "cannot write" in one_line(run("e3db-connectors", "register", *options, tmp_path / ("x" * 300), stdin="token"))
    assert "cannot reach" in one_line(run("e3db-connectors", "register", *options, tmp_path / "new.json", stdin="token"))
    assert not (tmp_path / "new.json").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [({"api_secret": "wrong-secret"}, "HTTP 401"), ({"api_url": "http://127.0.0.1:1"}, "cannot reach http://127.0.0.1:1")],
    ids=["wrong secret", "server down"],
)
def test_a_client_that_gets_nowhere(run, client, tmp_path, values, words):
    path = tmp_path / "other.json"
    Config.from_mapping({**client.config(), **values}).write_file(path)
    line = one_line(run("e3db-connectors", "search", "--credentials-file", path))
    assert words in line
    assert "wrong-secret" not in line


def test_a_file_that_has_no_place_is_not_written(e3db, tmp_path):
    (tmp_path / "source").write_bytes(b"content")
    record_id = json.loads(e3db("files", "put", "t", tmp_path / "source", "--json").stdout)["meta"]["record_id"]
    assert "cannot write" in one_line(e3db("files", "get", record_id, tmp_path / "nowhere" / "target"))
    done = e3db("files", "get", record_id, tmp_path / "target")
    assert (done.returncode, done.stdout) == (0, f"wrote {tmp_path / 'target'}\n")
    assert (tmp_path / "target").read_bytes() == b"content"


def test_nothing_that_others_have_written_moves_the_cursor(e3db, client):
    client.write("t", {"\x1b[31mname": "\x1b[2Jvalue\nmore"}, {"\u202ekey": "\x07"})
    for options in (("--data",), ()):
        shown = e3db("search", *options).stdout
        assert not {"\x1b", "\u202e", "\x07"} & set(shown)
    assert "\\x1b[31mname  \\x1b[2Jvalue\\nmore" in e3db("search", "--data").stdout


@pytest.mark.parametrize(
    "arguments", [("search", "--type"), ("read",), ("write",), ("write", "t", "--plain")], ids=["type", "id", "positional", "plain"]
)
def test_what_is_no_text_is_a_usage_error(e3db, arguments):
    done = e3db(*arguments, os.fsdecode(b"k=\xff"))
    assert done.returncode == 2
    assert "no UTF-8" in done.stderr


def test_a_file_may_have_any_name(e3db, tmp_path):
    source, target = (os.fsdecode(bytes(tmp_path) + b"/" + name) for name in (b"\xff", b"\xfe"))
    Path(source).write_bytes(b"content")
    record_id = json.loads(e3db("files", "put", "t", source, "--json").stdout)["meta"]["record_id"]
    assert json.loads(e3db("files", "get", record_id, target, "--json").stdout)["path"] == target
    assert e3db("files", "get", record_id, target).stdout == f"wrote {tmp_path}/\\udcfe\n"


def test_a_plain_member_has_one_value(e3db):
    assert "twice" in one_line(e3db("write", "t", "--plain", "a=1", "--plain", "a=2", stdin="{}"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_one_line(client, credentials_file):
    client.write("t", {"a": "1"})
    bash = 'exec "$0" search --json --credentials-file "$1" > /dev/full'
    command = Path(sys.executable).parent / "e3db-connectors"
    done = subprocess.run(["/bin/bash", "-c", bash, command, credentials_file], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (1, "e3db-connectors: No space left on device\n")
