"""`e3db-connectors doctor`: each kind of failure is named, mended by its hint, and hides nothing that comes after it but what it must."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from e3db_connectors import Client, Config
from e3db_connectors.client.doctor import Found, examine
from e3db_connectors.errors import DecryptionError, Forbidden

ALL = ["credentials", "file permissions", "server", "clock", "sign-in", "encryption key", "signing key", "round trip"]


def findings(config, file=None, **options):
    return {finding.check: finding for finding in examine(lambda: Found(config, file), **options)}


def failed(found):
    assert all(bool(finding.hint) != finding.ok for finding in found.values())
    return [check for check, finding in found.items() if not finding.ok]


@pytest.fixture
def changed(client):
    """The credentials of `client`, with other values in them."""

    def change(**values):
        return Config.from_mapping({**client.config(), **values})

    return change


def test_a_healthy_client_is_found_healthy(run, client, credentials_file):
    done = run("e3db-connectors", "doctor", "--json", "--credentials-file", credentials_file)
    found = json.loads(done.stdout)
    assert [finding["check"] for finding in found] == ALL
    assert all(finding["ok"] and not finding["hint"] for finding in found)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(credentials_file) in found[0]["detail"]
    assert len(client.query(record_type="e3db.doctor")) == 0
    for secret in (client.config.api_secret, client.config.private_key, client.config.private_signing_key):
        assert secret.reveal() not in done.stdout


def test_it_goes_on_after_what_is_no_obstacle(run, credentials_file):
    credentials_file.chmod(0o640)
    done = run("e3db-connectors", "doctor", "--no-write", "--credentials-file", credentials_file)
    assert done.returncode == 1
    shown = done.stdout.splitlines()
    assert [line.partition(":")[0].split(maxsplit=1) for line in shown if not line.startswith(" ")] == [
        ["failed" if check == "file permissions" else "ok", check] for check in ALL[:-1]
    ]
    assert f"        run: chmod 600 {credentials_file}" in shown


def test_without_credentials_it_ends(run):
    done = run("e3db-connectors", "doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("failed  credentials: no credentials")
    assert "e3db-connectors register" in done.stdout


def test_credentials_of_the_environment_have_no_file(run, client, monkeypatch):
    for name, value in client.config().items():
        monkeypatch.setenv(f"E3DB_{name.upper()}", value)
    found = json.loads(run("e3db-connectors", "doctor", "--json", "--no-write").stdout)
    assert [finding["check"] for finding in found] == [check for check in ALL[:-1] if check != "file permissions"]
    assert "the environment" in found[0]["detail"]


@pytest.mark.parametrize("variable", [False, True], ids=["option", "variable"])
def test_credentials_of_a_profile(run, client, monkeypatch, tmp_path, variable):
    client.config.write("other")
    options = () if variable else ("--profile", "other")
    if variable:
        monkeypatch.setenv("E3DB_PROFILE", "other")
    found = json.loads(run("e3db-connectors", "doctor", "--json", "--no-write", *options).stdout)
    assert str(tmp_path / "home" / ".tozny" / "other" / "e3db.json") in found[0]["detail"]


def test_keys_that_are_no_pair_are_not_tried(changed, stranger):
    found = findings(changed(public_key=stranger.config.public_key))
    assert failed(found) == ["settings"]
    assert "pairs" in found["settings"].hint


def test_clear_text_to_another_machine_is_not_tried(changed):
    found = findings(changed(api_url="http://192.0.2.1"))
    assert failed(found) == ["settings"]
    assert "https" in found["settings"].detail


def test_no_server(changed):
    found = findings(changed(api_url="http://127.0.0.1:1"))
    assert list(found) == ["credentials", "server"]
    assert failed(found) == ["server"]
    assert "check that a server runs at http://127.0.0.1:1" in found["server"].hint


def test_a_wrong_secret(changed):
    found = findings(changed(api_secret="wrong"))
    assert list(found) == ["credentials", "server", "clock", "sign-in"]
    assert failed(found) == ["sign-in"]
    assert "register anew" in found["sign-in"].hint


class _Website(BaseHTTPRequestHandler):
    """Some other server, which does not tell the time either."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response_only(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_server_of_another_kind(changed):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Website) as website:
        Thread(target=website.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            found = findings(changed(api_url=f"http://127.0.0.1:{website.server_port}"))
        finally:
            website.shutdown()
    assert failed(found) == ["clock", "sign-in"]
    assert "no Date" in found["clock"].detail
    assert "check api_url" in found["sign-in"].hint


@pytest.mark.parametrize(
    ("offset", "fine", "words"),
    [(-7200.0, False, "7200 s behind"), (61.0, False, "61 s ahead"), (59.0, True, "59 s ahead"), (None, False, "no Date")],
)
def test_a_wrong_clock(client, monkeypatch, offset, fine, words):
    monkeypatch.setattr(Client, "clock_offset", property(lambda _self: offset))
    found = findings(client.config, write=False)
    assert failed(found) == ([] if fine else ["clock"])
    assert words in found["clock"].detail


def test_keys_of_two_clients(changed, stranger):
    keys = {"public_key": stranger.config.public_key, "private_key": stranger.config.private_key.reveal()}
    signing = {
        "public_signing_key": stranger.config.public_signing_key,
        "private_signing_key": stranger.config.private_signing_key.reveal(),
    }
    assert failed(findings(changed(**keys), write=False)) == ["encryption key"]
    found = findings(changed(**signing))
    assert failed(found) == ["signing key"]
    assert "mixed up" in found["signing key"].hint
    assert found["round trip"].ok


def test_a_client_without_a_signing_key_is_healthy(changed):
    found = findings(changed(public_signing_key="", private_signing_key=""))
    assert failed(found) == []
    assert "not possible" in found["signing key"].detail


@pytest.mark.parametrize(
    ("step", "error", "left"),
    [
        ("write", Forbidden("POST", "/v1/storage/records", 403), 0),
        ("read", DecryptionError("a field does not open"), 0),
        ("delete", Forbidden("DELETE", "/v1/storage/records", 403), 1),
    ],
)
def test_a_round_trip_that_fails(client, monkeypatch, step, error, left):
    def fail(*_arguments, **_options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(Client, step, fail)
        found = findings(client.config)
    assert failed(found) == ["round trip"]
    assert found["round trip"].detail == str(error)
    assert len(client.query(record_type="e3db.doctor")) == left


def test_a_round_trip_that_brings_back_something_else(client, monkeypatch):
    real = Client.read

    def other(self, record_id):
        record = real(self, record_id)
        record.data["check"] = "another value"
        return record

    monkeypatch.setattr(Client, "read", other)
    assert failed(findings(client.config)) == ["round trip"]
    assert len(client.query(record_type="e3db.doctor")) == 0
