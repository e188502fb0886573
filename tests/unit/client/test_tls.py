"""Certificates: a server that cannot prove who it is gets not one byte of a request."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import tenacity
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import OutcomeUnknown, TransportError

DAY = dt.timedelta(days=1)
CARELESS = b"hello"
CREATE = Call("POST", "/create", b"a-body", repeatable=False)


def key_usage(authority):
    """What the key of an authority, or of a server, is for."""
    purposes = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    others = dict.fromkeys((*purposes, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(**{**others, "digital_signature": True, "key_cert_sign": authority, "crl_sign": authority})


def certificate(name, *, issuer=None, address="127.0.0.1", ends=DAY, authority=False):
    """A key and a certificate, signed by *issuer* or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * DAY)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        # Without the rest Python 3.13 takes no certificate any more.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(key_usage(authority), critical=True)
    )
    return key, builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="module")
def authority():
    return certificate("an authority", authority=True)


@pytest.fixture(autouse=True)
def _trust(authority, tmp_path, monkeypatch):
    bundle = tmp_path / "authority.pem"
    bundle.write_bytes(authority[1].public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setattr(tenacity.nap.time, "sleep", lambda _seconds: None)


def whole_request(connection):
    """All of it: a connection that is closed with something unread would cut the answer off."""
    received = b""
    while not received.endswith((CARELESS, CREATE.body)):
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece
    return received


@contextmanager
def serving(made, folder, newest=ssl.TLSVersion.TLSv1_3):
    """A server that answers one request a connection; yields its URL and what it could read."""
    key, made = made
    pem = folder / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context.minimum_version = context.maximum_version = newest
    listener, read = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                with plain, context.wrap_socket(plain, server_side=True) as connection:
                    read.append(whole_request(connection))
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except OSError:
                continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}", read
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def send(url):
    sender = Transport(url)
    try:
        return sender.send(CREATE, NoAuth())
    finally:
        sender.close()


def test_a_trusted_server_is_talked_to(authority, tmp_path):
    with serving(certificate("server", issuer=authority), tmp_path) as (url, read):
        assert send(url).body == b"{}"
    assert read[0].startswith(b"POST /create")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"ends": -DAY}, "expired"),
        ({"address": "127.0.0.2"}, "not valid for"),
        ({"issuer": None}, "self-signed"),
        ({"issuer": certificate("a stranger", authority=True)}, "unable to get local issuer"),
    ],
)
def test_another_gets_nothing_and_the_error_says_why(fault, words, authority, tmp_path):
    with serving(certificate("server", **{"issuer": authority, **fault}), tmp_path) as (url, read):
        with pytest.raises(TransportError, match=f"no secure connection to {url}: .*{words}") as caught:
            send(url)
        with pytest.raises(TransportError):
            list(Transport(url).download(f"{url}/files/x"))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert b"".join(read) == b""


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(newest, authority, tmp_path):
    with serving(certificate("server", issuer=authority), tmp_path, newest) as (url, read):
        assert talk_carelessly(url, newest) == newest.name.replace("_", ".")
        read.clear()
        with pytest.raises(TransportError) as caught:
            send(url)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert b"".join(read) == b""


def talk_carelessly(url, version):
    """What a client gets that takes any version."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = version
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1]))) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(CARELESS)
        assert connection.recv(1000)
        return connection.version()
