"""The server as a process: start, stop, restart, and what it says on the way."""

import json
import re
import socket
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e3db_connectors import Client, Search, errors
from e3db_connectors.server.process import DRAIN_SECONDS
from e3db_connectors.wire import times

COMMAND = Path(sys.executable).parent / "e3db-connectors"
SECONDS = 30


@pytest.fixture
def start(tmp_path):
    """Start the command as it is, without a registration token in its environment; gives process, address and log."""

    @contextmanager
    def started(*options):
        log = tmp_path / "start.log"
        command = [
            COMMAND,
            "serve",
            "--port",
            "0",
            "--database",
            f"sqlite:///{tmp_path / 'e3db.sqlite'}",
            "--files-dir",
            tmp_path / "files",
        ]
        with log.open("w") as stderr, subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=stderr, text=True) as process:
            try:
                line = process.stdout.readline()
                assert line.startswith("listening on http://127.0.0.1:"), log.read_text()
                yield process, line.split()[-1], log
            finally:
                process.kill()

    return started


@pytest.fixture
def refused(run, tmp_path):
    """Start a server that cannot start; its one line on stderr."""

    def complain(*options):
        token = tmp_path / "token"
        token.write_text("a-token")
        done = run("e3db-connectors", "serve", *options, "--files-dir", tmp_path / "files", "--registration-token-file", token)
        lines = [line for line in done.stderr.splitlines() if not line.startswith("registration token: in ")]
        assert (done.returncode, done.stdout, len(lines)) == (1, "", 1), done.stderr
        assert "Traceback" not in done.stderr
        return lines[0]

    return complain


def at(client, server):
    """The same client at another address."""
    return Client(replace(client.config, api_url=server.url))


def wait_until_closed(address):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(address, timeout=1).close()
        except ConnectionRefusedError:
            return
        except (ConnectionResetError, TimeoutError):
            continue  # it was still in the queue of the listener
    pytest.fail(f"{address} still takes connections")


# Restart


def test_records_and_registrations_survive_a_restart(running_server, tmp_path):
    with running_server(tmp_path) as first, first.register() as client:
        written = client.write("note", {"a": "secret"}, {"k": "v"})
    with running_server(tmp_path) as second, at(client, second) as again:
        assert again.read(written.meta.record_id) == written
        assert list(again.search(Search(include_data=True))) == [written]
        assert again.update(written).meta.created == written.meta.created


def test_what_was_acknowledged_survives_a_kill(running_server, tmp_path):
    with running_server(tmp_path) as first, first.register() as client:
        written = [client.write("note", {"a": str(number)}) for number in range(20)]
        first.process.kill()
        first.process.wait(SECONDS)
    with running_server(tmp_path) as second, at(client, second) as again:
        assert list(again.search(Search(include_data=True))) == written


def test_a_token_and_the_backup_client_survive_a_restart(running_server, registration_token, call_as, tmp_path):
    path = "/v1/account/e3db/clients/register"
    body = {"token": registration_token, "client": {"name": "another", "public_key": {"curve25519": "k"}}}
    with running_server(tmp_path) as first, first.register() as client:
        call = call_as(client)
        backup = call("POST", path, json=body).headers["X-Backup-Client"]
    with running_server(tmp_path) as second:
        call.url = second.url
        assert call("GET", f"/v1/storage/clients/{backup}").status_code == 200
        assert call("POST", path, json=body).headers["X-Backup-Client"] == backup


def test_times_go_on_after_a_restart(running_server, tmp_path):
    with running_server(tmp_path) as first, first.register() as client:
        before = client.write("note", {}).meta
    with running_server(tmp_path) as second, at(client, second) as again:
        after = again.write("note", {}).meta
        assert again.server_time() >= times.parse(before.created).replace(microsecond=0)
    assert after.created > before.created


# Stop


def test_sigterm_ends_the_server_with_code_0(running_server, tmp_path):
    with running_server(tmp_path) as server, server.register() as client:
        client.write("note", {})
    assert server.process.returncode == 0
    assert "Traceback" not in (tmp_path / "server.log").read_text()


def test_sigterm_right_after_the_start_ends_the_server_too(start):
    with start() as (process, _, _):
        process.terminate()
        assert process.wait(SECONDS) == 0


def test_a_request_under_way_is_answered_before_the_end(start):
    body = json.dumps({"token": "wrong", "client": {"name": "n", "public_key": {"curve25519": "k"}}}).encode()
    head = f"POST /v1/account/e3db/clients/register HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    with start() as (process, url, _):
        address = (urlsplit(url).hostname, urlsplit(url).port)
        with socket.create_connection(address, timeout=SECONDS) as connection, connection.makefile("rb") as answers:
            connection.sendall(head.encode())
            assert answers.readline().startswith(b"HTTP/1.1 100 ")
            process.terminate()
            wait_until_closed(address)
            connection.sendall(body)
            assert b"HTTP/1.1 401 " in answers.read()
        assert process.wait(SECONDS) == 0


def test_an_idle_connection_does_not_hold_up_the_end(start, session):
    with start() as (process, url, _):
        assert session.get(f"{url}/v1/storage/servicecheck", timeout=SECONDS).status_code == 200
        began = time.monotonic()
        process.terminate()
        assert process.wait(SECONDS) == 0
    assert time.monotonic() - began < DRAIN_SECONDS


# A start that fails


def test_a_taken_port_is_one_line_and_code_1(refused, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused("--port", port, "--database", f"sqlite:///{tmp_path / 'e3db.sqlite'}")
    assert str(port) in line


def test_an_address_that_is_not_ours_is_one_line_and_code_1(refused, tmp_path):
    assert "192.0.2.1" in refused(
        "--host", "192.0.2.1", "--insecure-public-http", "--port", "0", "--database", f"sqlite:///{tmp_path / 'e3db.sqlite'}"
    )


def test_a_missing_database_folder_is_one_line_and_code_1(refused, tmp_path):
    assert "absent" in refused("--port", "0", "--database", f"sqlite:///{tmp_path / 'absent' / 'e3db.sqlite'}")


def test_a_folder_in_place_of_the_database_is_one_line_and_code_1(refused, tmp_path):
    assert str(tmp_path) in refused("--port", "0", "--database", f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_one_line_and_code_1(refused, tmp_path):
    path = tmp_path / "letter.sqlite"
    path.write_text("Dear Sir or Madam, " * 1000)
    assert "letter.sqlite" in refused("--port", "0", "--database", f"sqlite:///{path}")
    assert path.read_text().startswith("Dear Sir")


def test_a_database_of_another_kind_is_one_line_without_its_password(refused):
    line = refused("--port", "0", "--database", "mysql://user:hunter2@localhost/e3db")
    assert "sqlite:///" in line
    assert "hunter2" not in line


@pytest.mark.parametrize("text", ["", "\n"])
def test_an_empty_token_file_is_one_line_and_code_1(run, tmp_path, text):
    (tmp_path / "token").write_text(text)
    done = run("e3db-connectors", "serve", "--registration-token-file", tmp_path / "token")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "token" in done.stderr


# The registration token


def test_without_a_token_one_is_made_in_a_file_of_mode_0600(start, tmp_path):
    with start() as (_, url, log):
        path = tmp_path / "files" / "registration-token"
        token = path.read_text().strip()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(token) >= 32
        assert str(path) in log.read_text()
        assert token not in log.read_text()
        assert Client.register(token, "first", api_url=url).api_url == url


def test_the_made_token_stays_the_same(start, tmp_path):
    tokens = []
    for _ in range(2):
        with start():
            tokens.append((tmp_path / "files" / "registration-token").read_text())
    assert tokens[0] == tokens[1]


def test_the_token_file_that_is_named_is_used(start, tmp_path):
    path = tmp_path / "token"
    path.write_text("chosen-token\n")
    with start("--registration-token-file", str(path)) as (_, url, log):
        assert Client.register("chosen-token", "first", api_url=url).api_url == url
        assert "chosen-token" not in log.read_text()
    assert not (tmp_path / "files" / "registration-token").exists()


def test_a_token_of_the_environment_is_kept_in_no_file(running_server, registration_token, tmp_path):
    with running_server(tmp_path) as server, server.register():
        held = [path for path in tmp_path.rglob("*") if path.is_file() and registration_token.encode() in path.read_bytes()]
    assert held == []


# The log


def test_the_log_names_each_request(running_server, tmp_path):
    with running_server(tmp_path) as server, server.register() as client:
        client.write("note", {})
    lines = (tmp_path / "server.log").read_text().splitlines()
    assert any(" POST /v1/storage/records 201 " in line for line in lines)
    assert any(f" PUT /v1/storage/access_keys/{client.client_id}/" in line for line in lines)


def test_no_secret_is_in_the_log(running_server, registration_token, call_as, tmp_path):
    with running_server(tmp_path) as server, server.register() as client:
        call = call_as(client)
        client.write("note", {"a": "hidden-value"}, {"k": "hidden-plain"})
        call("GET", f"/v1/storage/clients/{client.client_id}?access_token={call.token}&token={registration_token}")
        call("POST", "/v1/storage/records", data=json.dumps({"api_secret": client.config.api_secret})[:-1])
        with pytest.raises(errors.Unauthorized):
            Client.register(f"hidden-{registration_token}", "somebody", api_url=server.url)
    log = (tmp_path / "server.log").read_text()
    assert "/v1/storage/clients/" in log
    secrets = [registration_token, client.config.api_secret, call.token, "hidden-value", "hidden-plain"]
    assert not [secret for secret in secrets if secret in log]


BACKUP_CALLS = [
    ("POST", "/v1/account/backup/{token}/{client_id}", "POST /v1/account/backup/***/*** 200"),
    ("POST", "/v1/account/backup/{token}/nobody", "POST /v1/account/backup/***/*** 404"),
    ("POST", "/v1/account/backup/{client_id}/{token}", "POST /v1/account/backup/***/*** 401"),
    ("POST", "/v1/account/backup/a%2F{token}/{client_id}", "POST /v1/account/backup/***/*** 401"),
    ("GET", "/v1/account/backup/{token}/{client_id}", "GET /v1/account/backup/***/*** 405"),
    ("POST", "/v1/account/backup/{token}/{client_id}/", "POST (unknown path) 404"),
    ("POST", "/v1/account/backup/{token}", "POST (unknown path) 404"),
    ("POST", "//v1/account/backup/{token}/{client_id}", "POST (unknown path) 404"),
]


def test_a_token_in_the_path_of_a_key_backup_is_not_in_the_log(running_server, registration_token, call_as, tmp_path):
    with running_server(tmp_path) as server, server.register() as client:
        call = call_as(client)
        for method, path, _ in BACKUP_CALLS:
            call(method, path.format(token=registration_token, client_id=client.client_id))
    log = (tmp_path / "server.log").read_text()
    found = re.findall(r"\w+ (?:/v1/account/backup/\S+|\(unknown path\)) \d{3}(?= )", log)
    assert found == [line for _, _, line in BACKUP_CALLS]
    assert registration_token not in log
