"""The command line: thin on the client, one line for a mistake, no secret anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from e3db_connectors import Client, Config
from e3db_connectors.errors import NotFound

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def e3db(run, credentials_file):
    """Run a command as `client`; its output, after success."""

    def command(*arguments, stdin=""):
        done = run("e3db-connectors", *arguments, "--credentials-file", credentials_file, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


@pytest.fixture
def failing(run, credentials_file):
    """Run a command that fails; what it says."""

    def command(*arguments, stdin="", credentials=credentials_file):
        options = ("--credentials-file", credentials) if credentials else ()
        done = run("e3db-connectors", *arguments, *options, stdin=stdin)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    return command


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


def test_write_read_and_search(e3db, client):
    [written] = lines(e3db("write", "contact", "--plain", "city=Porto", "--json", stdin='{"name": "Ada", "phone": "555"}'))
    record_id = written["meta"]["record_id"]
    assert "data" not in written
    assert client.read(record_id).data == {"name": "Ada", "phone": "555"}
    assert lines(e3db("read", record_id, "--json"))[0]["data"] == {"name": "Ada", "phone": "555"}
    assert lines(e3db("read", record_id, "--field", "phone", "--json"))[0]["data"] == {"phone": "555"}
    shown = e3db("read", record_id)
    assert "Ada" in shown
    assert '{"city": "Porto"}' in shown
    found = lines(e3db("search", "--type", "contact", "--plain", "city=Porto", "--data", "--json"))
    assert [record["data"]["name"] for record in found] == ["Ada"]
    listed = e3db("search", "--since", "2026-01-01T00:00:00Z", "--modified")
    assert record_id in listed
    assert "Ada" not in listed
    assert e3db("search", "--until", "2026-01-01", "--json") == ""


def test_a_search_goes_as_far_as_it_is_told(e3db, client):
    for number in range(5):
        client.write("t", {"n": str(number)})
    assert len(lines(e3db("search", "--json"))) == 5
    assert [record["data"]["n"] for record in lines(e3db("search", "--data", "--limit", "3", "--json"))] == ["0", "1", "2"]


def test_an_operation_is_done_once(e3db, client):
    for _ in range(2):
        e3db("write", "t", "--operation-id", "x", stdin='{"a": "1"}')
    assert len(client.query(record_type="t")) == 1


def test_sharing(e3db, client, stranger):
    written = client.write("t", {"a": "1"})
    e3db("share", "t", stranger.client_id, "--reader-public-key", stranger.config.public_key)
    assert stranger.read(written.meta.record_id).data == {"a": "1"}
    assert lines(e3db("shares", "--json"))[0]["outgoing"][0]["reader_id"] == stranger.client_id
    assert stranger.client_id in e3db("shares")
    e3db("revoke", "t", stranger.client_id)
    with pytest.raises(NotFound):
        stranger.read(written.meta.record_id)


def test_files(e3db, tmp_path):
    (tmp_path / "source").write_bytes(b"content" * 1000)
    [written] = lines(e3db("files", "put", "scan", tmp_path / "source", "--plain", "k=v", "--json"))
    done = e3db("files", "get", written["meta"]["record_id"], tmp_path / "target", "--json")
    assert (tmp_path / "target").read_bytes() == b"content" * 1000
    assert "file_url" not in done
    assert lines(done)[0]["file_meta"]["size"] == written["meta"]["file_meta"]["size"]


def test_whoami_shows_no_secret(e3db, client):
    shown = e3db("whoami") + e3db("whoami", "--json")
    assert shown.count(client.client_id) == 2
    for secret in (client.config.api_secret, client.config.private_key, client.config.private_signing_key):
        assert secret.reveal() not in shown


@pytest.fixture
def register(run, server, registration_token, tmp_path):
    """Register with a credentials file ``new.json``."""

    def command(*options):
        where = ("--api-url", server.url, "--credentials-file", tmp_path / "new.json")
        return run("e3db-connectors", "register", "--name", "new", "--token-file", "-", *where, *options, stdin=registration_token)

    return command


def test_register_with_backup(register, tmp_path):
    assert register("--backup").returncode == 0
    with Client(Config.from_file(tmp_path / "new.json")) as made:
        assert len(made.query(record_type="tozny.key_backup")) == 1
    again = register()
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_credentials_are_kept_when_the_backup_fails(running_server, registration_token, run, tmp_path):
    with running_server(tmp_path) as server:
        with server.database() as connection:
            connection.execute(text("UPDATE clients SET public_key = '{}' WHERE type = 'backup'"))
        where = ("--api-url", server.url, "--credentials-file", tmp_path / "new.json")
        done = run("e3db-connectors", "register", "--name", "new", "--token-file", "-", *where, "--backup", stdin=registration_token)
        assert done.returncode == 1
        assert "backup failed" in done.stderr
        with Client(Config.from_file(tmp_path / "new.json")) as made:
            made.write("t", {"a": "1"})


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("read", UNKNOWN), "", "404"),
        (("write", "t"), "no JSON", "no JSON"),
        (("write", "t"), '["a"]', "object"),
        (("write", "t"), '{"a": 1}', "int"),
        (("write", "t", "--plain", "x"), "{}", "NAME=VALUE"),
        (("search", "--since", "yesterday"), "", "no time"),
        (("search", "--since", "2026-03-05", "--until", "2026-03-04"), "", "--until must be later than --since"),
        (("share", "t", UNKNOWN), "", "404"),
        (("files", "put", "t", "/nowhere/at/all"), "", "cannot read"),
        (("files", "get", UNKNOWN, "target"), "", "404"),
    ],
)
def test_a_mistake_is_one_line(failing, arguments, stdin, words):
    assert words in failing(*arguments, stdin=stdin)


def test_without_credentials_it_says_what_to_do(failing, tmp_path):
    assert "e3db-connectors register" in failing("whoami", credentials=None)
    assert "no credentials file" in failing("whoami", credentials=tmp_path / "none.json")


def test_a_closed_pipe_ends_it_quietly(credentials_file, client):
    for number in range(3):
        client.write("t", {"n": str(number)})
    command = f"{Path(sys.executable).parent / 'e3db-connectors'} search --json --credentials-file {credentials_file}"
    for ending in ("| head -n 0", ">&-"):
        script = f"set -o pipefail; {command} {ending}"
        done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, timeout=100, check=False)
        assert (done.stderr, done.returncode) == ("", 0), ending


def test_help_of_each_command_starts_quickly_and_imports_nothing_heavy():
    code = "import sys; from e3db_connectors.cli import main; print([n for n in ('requests', 'nacl', 'sqlalchemy', 'airflow') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
