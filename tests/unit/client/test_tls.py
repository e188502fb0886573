"""Certificates: a server that cannot prove who it is gets not one byte of a request."""

import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import tenacity
from cryptography.hazmat.primitives import serialization

from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import OutcomeUnknown, TransportError

CARELESS = b"hello"
CREATE = Call("POST", "/create", b"a-body", repeatable=False)


@pytest.fixture(scope="module")
def authority(certificate):
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


def test_a_trusted_server_is_talked_to(authority, certificate, tmp_path):
    with serving(certificate("server", issuer=authority), tmp_path) as (url, read):
        assert send(url).body == b"{}"
    assert read[0].startswith(b"POST /create")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"days": -1}, "expired"),
        ({"address": "127.0.0.2"}, "not valid for"),
        ({"issuer": None}, "self-signed"),
        ({"issuer": "a stranger"}, "unable to get local issuer"),
    ],
)
def test_another_gets_nothing_and_the_error_says_why(fault, words, authority, certificate, tmp_path):
    if fault.get("issuer"):
        fault = {"issuer": certificate(fault["issuer"], authority=True)}
    with serving(certificate("server", **{"issuer": authority, **fault}), tmp_path) as (url, read):
        with pytest.raises(TransportError, match=f"no secure connection to {url}: .*{words}") as caught:
            send(url)
        with pytest.raises(TransportError):
            list(Transport(url).download(f"{url}/files/x"))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert b"".join(read) == b""


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_tls_is_refused(newest, authority, certificate, tmp_path):
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
