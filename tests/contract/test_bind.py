"""Who can reach the server: addresses, TLS, and web pages of other origins."""

import datetime as dt
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

COMMAND = Path(sys.executable).parent / "e3db-connectors"
CHECK = "/v1/storage/servicecheck"
REGISTER = "/v1/account/e3db/clients/register"
SECONDS = 20
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what the tests are about


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory):
    """A certificate for 127.0.0.1 that signs itself, its key, and the same key with a password."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a server")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for file, encryption in (
        ("key.pem", serialization.NoEncryption()),
        ("locked.pem", serialization.BestAvailableEncryption(b"a-password")),
    ):
        (folder / file).write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    other = ec.generate_private_key(ec.SECP256R1())
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "other.pem").write_bytes(other.private_bytes(*plain))
    return folder


@pytest.fixture
def command(tmp_path, registration_token):
    """The command line and environment of a server in the test's folder."""

    def made(*options, **variables):
        database = f"sqlite:///{tmp_path / 'e3db.sqlite'}"
        line = [COMMAND, "serve", "--port", "0", "--database", database, "--files-dir", tmp_path / "files", *options]
        return line, {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": registration_token, **variables}

    return made


@pytest.fixture
def start(command, tmp_path):
    """Start a server and give the URL that it names."""

    @contextmanager
    def started(*options, **variables):
        line, environment = command(*options, **variables)
        with (
            (tmp_path / "start.log").open("w") as log,
            subprocess.Popen(line, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
        ):
            try:
                said = process.stdout.readline()
                assert said.startswith("listening on "), (tmp_path / "start.log").read_text()
                yield said.split()[-1]
                process.send_signal(signal.SIGTERM)
                assert process.wait(SECONDS) == 0
            finally:
                process.kill()

    return started


@pytest.fixture
def refused(command, tmp_path):
    """Start a server that must not start; its one line on stderr. It has not even made a database."""

    def complain(*options, **variables):
        line, environment = command(*options, **variables)
        done = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL)
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
        assert not (tmp_path / "e3db.sqlite").exists()
        return done.stderr

    return complain


# Addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_needs_nothing(start, session, host):
    with start("--host", host) as url:
        assert url.startswith("http://")
        assert session.get(url + CHECK, timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
def test_plain_http_for_other_machines_is_refused(refused, host):
    said = refused("--host", host)
    assert host in said
    assert "--tls-certificate" in said
    assert "--insecure-public-http" in said


def test_it_is_refused_by_the_variable_too(refused):
    assert "--insecure-public-http" in refused(E3DB_SERVER_HOST=EVERYWHERE)


@pytest.mark.parametrize("by_variable", [False, True], ids=["option", "variable"])
def test_plain_http_for_other_machines_can_be_asked_for(start, session, by_variable):
    options = () if by_variable else ("--host", EVERYWHERE, "--insecure-public-http")
    variables = {"E3DB_SERVER_HOST": EVERYWHERE, "E3DB_SERVER_INSECURE_PUBLIC_HTTP": "1"} if by_variable else {}
    with start(*options, **variables) as url:
        assert url.startswith("http://0.0.0.0:")
        assert session.get(f"http://127.0.0.1:{urlsplit(url).port}{CHECK}", timeout=SECONDS).status_code == 200


@pytest.mark.parametrize("host", ["a..b", "x" * 300])
def test_a_host_that_is_none_is_one_line(refused, host):
    assert "--host" in refused("--host", host, "--insecure-public-http")


# TLS


@pytest.mark.parametrize("by_variable", [False, True], ids=["options", "variables"])
def test_with_tls_files_other_machines_are_served_https(start, session, tls_files, registration_token, by_variable):
    certificate, key = tls_files / "certificate.pem", tls_files / "key.pem"
    options = ("--tls-certificate", certificate, "--tls-key", key)
    variables = {"E3DB_SERVER_TLS_CERTIFICATE": str(certificate), "E3DB_SERVER_TLS_KEY": str(key)}
    with start("--host", EVERYWHERE, *(() if by_variable else options), **(variables if by_variable else {})) as url:
        assert url.startswith("https://0.0.0.0:")
        port = urlsplit(url).port
        body = {"token": registration_token, "client": {"name": "n", "public_key": {"curve25519": "k"}}}
        answer = session.post(f"https://127.0.0.1:{port}{REGISTER}", json=body, timeout=SECONDS, verify=certificate)
        assert answer.status_code == 201
        with pytest.raises(requests.ConnectionError):
            session.get(f"http://127.0.0.1:{port}{CHECK}", timeout=SECONDS)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_agreed_on_is_modern(start, tls_files, version):
    context = ssl.create_default_context(cafile=tls_files / "certificate.pem")
    context.maximum_version = version
    with start("--tls-certificate", tls_files / "certificate.pem", "--tls-key", tls_files / "key.pem") as url:
        address = ("127.0.0.1", urlsplit(url).port)
        with (
            socket.create_connection(address, timeout=SECONDS) as connection,
            context.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
        ):
            name, _, bits = secured.cipher()
    assert ("GCM" in name or "CHACHA20" in name, bits >= 128) == (True, True)
    assert version == ssl.TLSVersion.TLSv1_3 or name.startswith("ECDHE-")


@pytest.mark.parametrize("option", ["--tls-certificate", "--tls-key"])
def test_one_tls_file_without_the_other_is_refused(refused, tls_files, option):
    assert "go together" in refused(option, tls_files / "key.pem")


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("certificate.pem", "other.pem", "belong together"),
        ("certificate.pem", "locked.pem", "encrypted"),
        ("key.pem", "certificate.pem", "PEM"),
        ("absent.pem", "key.pem", "No such file"),
        ("certificate.pem", "absent.pem", "No such file"),
    ],
)
def test_tls_files_that_are_not_good_are_one_line(refused, tls_files, certificate, key, said):
    line = refused("--tls-certificate", tls_files / certificate, "--tls-key", tls_files / key)
    assert "TLS" in line
    assert said in line


# Web pages of other origins

PAGE = "https://app.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,content-type"}


def cors(answer):
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


def test_without_the_option_no_page_may_call(http):
    answers = [http("GET", CHECK, headers={"Origin": PAGE}), http("OPTIONS", "/v1/storage/records", headers=PREFLIGHT)]
    assert [cors(answer) for answer in answers] == [{}, {}]
    assert answers[1].status_code == 405


@pytest.mark.parametrize("by_variable", [False, True], ids=["options", "variable"])
def test_pages_of_the_origins_that_are_named_may_call(start, session, by_variable):
    options = ("--cors-origin", "http://localhost:3000", "--cors-origin", PAGE)
    variables = {"E3DB_SERVER_CORS_ORIGINS": f"http://localhost:3000, {PAGE}"}
    with start(*(() if by_variable else options), **(variables if by_variable else {})) as url:
        asked = session.options(url + "/v1/storage/records", headers=PREFLIGHT, timeout=SECONDS)
        assert (asked.status_code, cors(asked)["access-control-allow-origin"]) == (200, PAGE)
        assert "PUT" in cors(asked)["access-control-allow-methods"]
        assert cors(asked)["access-control-allow-headers"] == "authorization,content-type"
        for origin in (PAGE, "http://localhost:3000"):
            answer = session.get(url + "/v1/storage/records", headers={"Origin": origin}, timeout=SECONDS)
            assert (answer.status_code, answer.json()["error"][:7]) == (401, "sign in")
            assert cors(answer)["access-control-allow-origin"] == origin
            assert cors(answer)["access-control-expose-headers"] == "X-Backup-Client, Date, Retry-After"
            assert "Origin" in answer.headers["Vary"]
        for origin in ("https://evil.example", PAGE + ".evil.example", "null"):
            headers = {**PREFLIGHT, "Origin": origin}
            assert "access-control-allow-origin" not in cors(session.get(url + CHECK, headers=headers, timeout=SECONDS))
            assert session.options(url + "/v1/storage/records", headers=headers, timeout=SECONDS).status_code == 400


def test_pages_of_any_origin_may_call_but_without_credentials(start, session):
    with start("--cors-origin", "*", "--cors-origin", PAGE) as url:
        answers = [
            session.get(url + CHECK, headers={"Origin": "https://any.example"}, timeout=SECONDS),
            session.options(url + "/v1/storage/records", headers=PREFLIGHT, timeout=SECONDS),
        ]
    assert [cors(answer)["access-control-allow-origin"] for answer in answers] == ["*", "*"]
    assert not any("access-control-allow-credentials" in cors(answer) for answer in answers)


@pytest.mark.parametrize(
    "origin", ["app.example.com", PAGE + "/", PAGE + "/path", "HTTPS://app.example.com", "null", "https://*.example.com", ""]
)
def test_what_is_no_origin_is_refused(refused, origin):
    assert "origin" in refused("--cors-origin", origin)
