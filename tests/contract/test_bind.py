"""Who can reach the server: addresses, TLS, and web pages of other origins."""

import hashlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives import serialization

from e3db_connectors import Client
from e3db_connectors.client.auth import Tsv1Auth
from e3db_connectors.errors import ConfigError
from e3db_connectors.server import process
from e3db_connectors.server.settings import ServerSettings

COMMAND = Path(sys.executable).parent / "e3db-connectors"
CHECK = "/v1/storage/servicecheck"
REGISTER = "/v1/account/e3db/clients/register"
SECONDS = 30
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the tests are about
PAGE, OTHER_PAGE = "https://app.example.com", "http://localhost:3000"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory, certificate):
    """A certificate for 127.0.0.1 that signs itself, its key, the same key with a password, and the key of another."""
    folder = tmp_path_factory.mktemp("tls")
    key, made = certificate("a server", authority=True)
    other, _ = certificate("another")
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    for file, owner, encryption in (
        ("key.pem", key, serialization.NoEncryption()),
        ("locked.pem", key, serialization.BestAvailableEncryption(b"a-password")),
        ("other.pem", other, serialization.NoEncryption()),
    ):
        (folder / file).write_bytes(owner.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return folder


def command(folder, *options):
    database = f"sqlite:///{folder / 'e3db.sqlite'}"
    return [COMMAND, "serve", "--port", "0", "--database", database, "--files-dir", folder / "files", *options]


@contextmanager
def started(folder, *options, **variables):
    """A server; gives the process and the URL that it names."""
    environment = {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": "a-token", **variables}
    with (
        (folder / "start.log").open("w") as log,
        subprocess.Popen(command(folder, *options), stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as running,
    ):
        try:
            said = running.stdout.readline()
            assert said.startswith("listening on "), (folder / "start.log").read_text()
            yield running, said.split()[-1]
            running.send_signal(signal.SIGTERM)
            assert running.wait(SECONDS) == 0
        finally:
            running.kill()


@pytest.fixture(scope="module", params=[False, True], ids=["options", "variables"])
def secured(request, tmp_path_factory, tls_files):
    """The port of a server for all machines with TLS, which two pages may call."""
    files = (tls_files / "certificate.pem", tls_files / "key.pem")
    options = ("--host", EVERYWHERE, "--tls-certificate", files[0], "--tls-key", files[1])
    options += ("--cors-origin", OTHER_PAGE, "--cors-origin", PAGE)
    values = (EVERYWHERE, str(files[0]), str(files[1]), f"{OTHER_PAGE}, {PAGE}")
    names = ("HOST", "TLS_CERTIFICATE", "TLS_KEY", "CORS_ORIGINS")
    variables = {f"E3DB_SERVER_{name}": value for name, value in zip(names, values, strict=True)}
    folder = tmp_path_factory.mktemp("secured")
    with started(folder, *(() if request.param else options), **(variables if request.param else {})) as (_, url):
        assert url.startswith("https://0.0.0.0:")
        yield urlsplit(url).port


@pytest.fixture
def at(secured, session, tls_files):
    """Calls of the secured server."""

    def call(method, path, **options):
        url = f"https://127.0.0.1:{secured}{path}"
        return session.request(method, url, timeout=SECONDS, verify=tls_files / "certificate.pem", **options)

    return call


@pytest.fixture
def settings(tmp_path):
    return ServerSettings("127.0.0.1", 0, f"sqlite:///{tmp_path / 'e3db.sqlite'}", tmp_path / "files", "a-token")


@pytest.fixture
def refused(settings, tmp_path):
    """Serve with other settings, which must not begin; its one line. It has not even made a database."""

    def complain(**members):
        with pytest.raises(ConfigError) as caught:
            process.serve(replace(settings, **members))
        assert not (tmp_path / "e3db.sqlite").exists()
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    return complain


# Addresses


@pytest.mark.parametrize("host", ["localhost", "::1"])
def test_loopback_needs_nothing(tmp_path, session, host):
    with started(tmp_path, "--host", host) as (_, url):
        assert url.startswith("http://")
        assert session.get(url + CHECK, timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_plain_http_for_other_machines_is_refused(refused, host):
    said = refused(host=host)
    assert host in said
    assert "--tls-certificate" in said
    assert "--insecure-public-http" in said


def test_it_is_refused_by_the_variable_too_in_one_line(tmp_path):
    done = subprocess.run(
        command(tmp_path),
        capture_output=True,
        text=True,
        env={**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": "a-token", "E3DB_SERVER_HOST": EVERYWHERE},
        timeout=SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert "--insecure-public-http" in done.stderr
    assert not (tmp_path / "e3db.sqlite").exists()


@pytest.mark.parametrize("by_variable", [False, True], ids=["options", "variables"])
def test_plain_http_and_any_page_can_be_asked_for(tmp_path, session, by_variable):
    options = () if by_variable else ("--host", EVERYWHERE, "--insecure-public-http", "--cors-origin", "*", "--cors-origin", PAGE)
    variables = {"HOST": EVERYWHERE, "INSECURE_PUBLIC_HTTP": "1", "CORS_ORIGINS": f"*,{PAGE}"} if by_variable else {}
    with started(tmp_path, *options, **{f"E3DB_SERVER_{name}": value for name, value in variables.items()}) as (_, url):
        assert url.startswith("http://0.0.0.0:")
        base = f"http://127.0.0.1:{urlsplit(url).port}"
        answers = [
            session.get(base + CHECK, headers={"Origin": "https://any.example"}, timeout=SECONDS),
            session.options(base + "/v1/storage/records", headers=PREFLIGHT, timeout=SECONDS),
        ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [cors(answer)["access-control-allow-origin"] for answer in answers] == ["*", "*"]
    assert not any("access-control-allow-credentials" in cors(answer) for answer in answers)


@pytest.mark.parametrize("host", ["a..b", "x" * 300])
def test_a_host_that_is_none_is_one_line(refused, host):
    assert "--host" in refused(host=host, insecure_public_http=True)


# TLS


def test_with_tls_files_other_machines_are_served_https(at, secured, session):
    body = {"token": "a-token", "client": {"name": "n", "public_key": {"curve25519": "k"}}}
    assert at("POST", REGISTER, json=body).status_code == 201
    with pytest.raises(requests.ConnectionError):
        session.get(f"http://127.0.0.1:{secured}{CHECK}", timeout=SECONDS)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_agreed_on_is_modern(secured, tls_files, version):
    context = ssl.create_default_context(cafile=tls_files / "certificate.pem")
    context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", secured), timeout=SECONDS) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as agreed,
    ):
        name, _, bits = agreed.cipher()
    assert ("GCM" in name or "CHACHA20" in name, bits >= 128) == (True, True)
    assert version == ssl.TLSVersion.TLSv1_3 or name.startswith("ECDHE-")


def test_idle_connections_do_not_hold_up_the_end_but_a_request_does(tmp_path, tls_files):
    """Three are idle: one has not begun TLS, one has, one has had an answer. A fourth waits for the answer to a body that it still sends."""
    context = ssl.create_default_context(cafile=tls_files / "certificate.pem")
    options = ("--tls-certificate", tls_files / "certificate.pem", "--tls-key", tls_files / "key.pem")
    with started(tmp_path, *options) as (running, url), ExitStack() as stack:

        def connect():
            return stack.enter_context(socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=SECONDS))

        def secure():
            return stack.enter_context(context.wrap_socket(connect(), server_hostname="127.0.0.1"))

        connect()
        secure()
        answered, busy = secure(), secure()
        answered.sendall(f"GET {CHECK} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        answers = stack.enter_context(answered.makefile("rb"))
        assert answers.readline().startswith(b"HTTP/1.1 200 ")
        busy.sendall(b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert busy.recv(1000).startswith(b"HTTP/1.1 100 ")
        running.send_signal(signal.SIGTERM)
        assert answers.read().endswith(b"}")  # and no more: it has been closed
        assert running.poll() is None
        busy.sendall(b"abc")
        assert busy.recv(1000).startswith(b"HTTP/1.1 401 ")
        began = time.monotonic()
        running.wait(SECONDS)
        assert time.monotonic() - began < process.DRAIN_SECONDS


def test_a_download_under_way_is_finished(tmp_path, tls_files, session, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_files / "certificate.pem"))
    context = ssl.create_default_context(cafile=tls_files / "certificate.pem")
    options = ("--tls-certificate", tls_files / "certificate.pem", "--tls-key", tls_files / "key.pem")
    (tmp_path / "file").write_bytes(os.urandom(3_000_000))
    with started(tmp_path, *options) as (running, url):
        with Client(Client.register("a-token", "somebody", api_url=url).config) as client:
            file_id = client.write_file("file", tmp_path / "file").meta.record_id
            auth = Tsv1Auth(client._signing_keys, client.client_id)
            told = session.get(f"{url}/v1/storage/files/{file_id}", auth=auth, verify=tls_files / "certificate.pem", timeout=SECONDS)
            meta = told.json()["meta"]["file_meta"]
        with (
            socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
            connection.makefile("rb") as answer,
        ):
            connection.sendall(f"GET {urlsplit(meta['file_url']).path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.readline().startswith(b"HTTP/1.1 200 ")
            running.send_signal(signal.SIGTERM)
            time.sleep(0.6)  # longer than idle connections have
            body = answer.read().partition(b"\r\n\r\n")[2]
        running.wait(SECONDS)
        assert len(body) == meta["size"]
        assert b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() == meta["checksum"]


@pytest.mark.parametrize("option", ["tls_certificate", "tls_key"])
def test_one_tls_file_without_the_other_is_refused(refused, tls_files, option):
    assert "go together" in refused(**{option: tls_files / "key.pem"})


@pytest.mark.parametrize(
    ("certificate_file", "key_file", "said"),
    [
        ("certificate.pem", "other.pem", "belong together"),
        ("certificate.pem", "locked.pem", "encrypted"),
        ("key.pem", "certificate.pem", "PEM"),
        ("absent.pem", "key.pem", "No such file"),
        ("certificate.pem", "absent.pem", "No such file"),
    ],
)
def test_tls_files_that_are_not_good_are_one_line(refused, tls_files, certificate_file, key_file, said):
    line = refused(tls_certificate=tls_files / certificate_file, tls_key=tls_files / key_file)
    assert "TLS" in line
    assert said in line


# Web pages of other origins


def cors(answer):
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


def test_without_the_option_no_page_may_call(http):
    answers = [http("GET", CHECK, headers={"Origin": PAGE}), http("OPTIONS", "/v1/storage/records", headers=PREFLIGHT)]
    assert [cors(answer) for answer in answers] == [{}, {}]
    assert answers[1].status_code == 405


def test_pages_of_the_origins_that_are_named_may_call(at):
    asked = at("OPTIONS", "/v1/storage/records", headers=PREFLIGHT)
    assert (asked.status_code, cors(asked)["access-control-allow-origin"]) == (200, PAGE)
    assert "PUT" in cors(asked)["access-control-allow-methods"]
    assert cors(asked)["access-control-allow-headers"] == "authorization,content-type"
    for origin in (PAGE, OTHER_PAGE):
        answer = at("GET", "/v1/storage/records", headers={"Origin": origin})
        assert (answer.status_code, answer.json()["error"][:7]) == (401, "sign in")
        assert cors(answer)["access-control-allow-origin"] == origin
        assert cors(answer)["access-control-expose-headers"] == "X-Backup-Client, Date, Retry-After"
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["https://evil.example", PAGE + ".evil.example", "null"])
def test_pages_of_other_origins_may_not(at, origin):
    headers = {**PREFLIGHT, "Origin": origin}
    assert "access-control-allow-origin" not in cors(at("GET", CHECK, headers=headers))
    assert at("OPTIONS", "/v1/storage/records", headers=headers).status_code == 400


@pytest.mark.parametrize(
    "origin", ["app.example.com", PAGE + "/", PAGE + "/path", "HTTPS://app.example.com", "null", "https://*.example.com", ""]
)
def test_what_is_no_origin_is_refused(refused, origin):
    assert "origin" in refused(cors_origins=(origin,))
