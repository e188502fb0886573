"""Replies of a server that wants to hold its client up, fill its memory, or lead it astray."""

import gzip
import subprocess
import sys
import threading
import time
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.client import decoding, replies, transport
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import (
    ConfigError,
    E3DBError,
    NotFound,
    OutcomeUnknown,
    ReplyTooLarge,
    ResponseInvalid,
    TransportError,
    UsageError,
)
from e3db_connectors.wire.search import SearchResponse

READ = Call("GET", "/read", repeatable=False)

_READ = """
import sys
from pathlib import Path
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import ResponseInvalid


def tell_peak():
    # Not `ru_maxrss`: it begins at what the process that started this one takes.
    print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))


tell_peak()
try:
    Transport(sys.argv[1]).send(Call("GET", "/read", repeatable=False), NoAuth())
except ResponseInvalid as exc:
    print(exc)
tell_peak()
"""


def reply(*lines, body=b""):
    return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode() + body


def send(server, call=READ):
    sender = Transport(server.url)
    try:
        return sender.send(call, NoAuth())
    finally:
        sender.close()


@pytest.fixture
def hurry(monkeypatch):
    """A time budget of one second."""
    monkeypatch.setattr(transport, "BUDGET_SECONDS", 1.0)


def drip(connection, first=b""):
    """Go on for a minute, or until nobody listens any more."""
    with suppress(OSError):
        connection.sendall(first)
        for _ in range(1200):
            time.sleep(0.05)
            connection.sendall(b"x")


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", reply("Content-Length: 1000"), reply("Transfer-Encoding: chunked", body=b"1000\r\n")],
    ids=["status line", "header", "body", "chunk"],
)
def test_a_server_that_drips_bytes_holds_a_call_no_longer_than_its_budget(raw_server, first):
    with raw_server(lambda connection, _head: drip(connection, first)) as server:
        began = time.monotonic()
        with pytest.raises((TransportError, ResponseInvalid)):
            send(server)
        assert time.monotonic() - began < 20


@pytest.mark.usefixtures("hurry")
def test_a_server_that_says_nothing_is_timed_out(raw_server):
    given_up = threading.Event()
    with raw_server(lambda _connection, _head: given_up.wait(60)) as server:
        with pytest.raises(OutcomeUnknown, match="timed out"):
            send(server)
        given_up.set()


@pytest.mark.parametrize(
    "answer",
    [
        reply("Content-Length: 100", body=b"{}"),
        reply("Transfer-Encoding: chunked", body=b"zz\r\n"),
        reply("Transfer-Encoding: chunked", body=b"-5\r\n{}"),
        reply("Transfer-Encoding: chunked", body=b"5\r\n{}"),
        reply("Content-Encoding: gzip", "Content-Length: 2", body=b"{}"),
        reply("Content-Encoding: br", "Content-Length: 2", body=b"{}"),
        b"HTTP/1.1 600 What\r\n\r\n",
        b"SMTP hello\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["short", "no chunk", "negative chunk", "cut chunk", "no gzip", "br", "600", "no HTTP", "many headers", "redirect"],
)
def test_what_is_no_reply_is_a_typed_error(raw_server, answer):
    def handle(connection, _head):
        connection.sendall(answer)
        connection.close()

    with raw_server(handle) as server:
        with pytest.raises(E3DBError):
            decoding.decode(send(server).body, dict, READ)
        assert len(server.requests) == 1


def test_a_reply_that_is_too_large_is_not_read_to_its_end(raw_server, monkeypatch):
    monkeypatch.setattr(replies, "REPLY_MAX", 1 << 20)
    monkeypatch.setattr(replies.read_body, "__defaults__", (1 << 20,))

    def endless(connection, _head):
        connection.sendall(reply("Transfer-Encoding: chunked"))
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with raw_server(endless) as server, pytest.raises(ReplyTooLarge, match=r"larger than .* fewer records"):
        send(server)


def test_a_gzip_bomb_costs_no_memory(raw_server):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head, zeros = (packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    bomb = head + 255 * zeros

    with raw_server(
        lambda connection, _head: connection.sendall(reply("Content-Encoding: gzip", f"Content-Length: {len(bomb)}", body=bomb))
    ) as server:
        ran = subprocess.run([sys.executable, "-c", _READ, server.url], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    before, error, after = ran.stdout.splitlines()
    assert "larger than" in error
    assert int(after) - int(before) < 3 * replies.REPLY_MAX / 1024


@pytest.mark.parametrize("spoil", [lambda body: body[:-5], lambda body: body + b"more", lambda body: body + body, lambda body: body[1:]])
def test_badly_packed_replies_are_refused(spoil, raw_server):
    body = spoil(gzip.compress(b"{}"))
    with (
        raw_server(
            lambda connection, _head: connection.sendall(reply("Content-Encoding: gzip", f"Content-Length: {len(body)}", body=body))
        ) as server,
        pytest.raises(ResponseInvalid, match="cannot be unpacked"),
    ):
        send(server)


def test_packed_replies_are_read(raw_server):
    body = gzip.compress(b'{"a": "' + b"b" * 100_000 + b'"}')
    with raw_server(
        lambda connection, _head: connection.sendall(reply("Content-Encoding: gzip", f"Content-Length: {len(body)}", body=body))
    ) as server:
        assert len(send(server).body) == 100_009


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"results": ' + b"[" * 100_000,
        b"\xff",
        b'{"results": NaN}',
        b'{"last_index": 1e400}',
        b'"\\ud800"',
    ],
)
def test_nasty_documents_are_a_typed_error(body):
    with pytest.raises(ResponseInvalid, match="GET /read"):
        decoding.decode(body, SearchResponse, READ)


@given(st.binary() | st.text().map(str.encode) | st.recursive(st.integers(), st.lists).map(lambda value: str(value).encode()))
def test_no_document_is_another_error(body):
    with suppress(ResponseInvalid):
        assert isinstance(decoding.decode(body, SearchResponse, READ), SearchResponse)


def test_words_of_the_server_cannot_forge_a_line_of_a_log(raw_server):
    body = b'{"error": "no\\n2026-01-01 INFO all is well \\u001b[2K\\u2028"}'
    answer = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with raw_server(lambda connection, _head: connection.sendall(answer)) as server, pytest.raises(NotFound) as failed:
        send(server)
    assert str(failed.value).isprintable()


def test_credentials_do_not_follow_a_redirect(raw_server):
    with raw_server(lambda connection, _head: connection.sendall(reply("Content-Length: 2", body=b"{}"))) as elsewhere:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere.url}/read\r\nContent-Length: 0\r\n\r\n".encode()
        with raw_server(lambda connection, _head: connection.sendall(answer)) as server, pytest.raises(ResponseInvalid, match="redirect"):
            send(server)
        assert elsewhere.requests == []


@pytest.mark.parametrize("url", ["http://e3db.example", "http://10.0.0.1:8400", "http://[2001:db8::1]", "http://127.0.0.1.example"])
def test_clear_text_http_to_another_machine_is_refused(url, monkeypatch):
    with pytest.raises(ConfigError, match="E3DB_ALLOW_INSECURE_HTTP"):
        Transport(url)
    Transport(url, allow_insecure_http=True).close()
    monkeypatch.setenv("E3DB_ALLOW_INSECURE_HTTP", "1")
    Transport(url).close()


@pytest.mark.parametrize("url", ["https://e3db.example", "http://localhost:1", "http://127.0.0.9", "http://[::1]:8400"])
def test_what_stays_on_this_machine_or_is_encrypted_is_not(url):
    Transport(url).close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "gopher://127.0.0.1:8400/",
        "http://169.254.169.254/latest",
        "http://[::1]:8400/x",
        "http://127.0.0.1:1/x",
        "http://localhost:8400/x",
        "http://user@127.0.0.1:8400/x",
        "https://user:pass@e3db.example/x",
        "http://127.0.0.1:8400@169.254.169.254/",
        "https://",
        "http://127.0.0.1:x/",
        "//127.0.0.1:8400/x",
    ],
)
def test_a_file_is_not_fetched_from_and_not_sent_to_an_unsafe_place(url):
    sender = Transport("http://127.0.0.1:8400")
    with pytest.raises(ResponseInvalid, match="neither https nor"):
        list(sender.download(url))
    with pytest.raises(ResponseInvalid, match="neither https nor"):
        sender.upload(url, [b"x"], 1, {})


def test_files_travel_without_credentials_and_with_their_length(raw_server):
    with raw_server(lambda connection, _head: connection.sendall(reply("Content-Length: 4", body=b"body"))) as server:
        sender = Transport(server.url)
        sender.upload(f"{server.url}/files/x", iter([b"ab", b"cd"]), 4, {"Content-MD5": "m"})
        assert b"".join(sender.download(f"{server.url}/files/x")) == b"body"
        sender.close()
    for head in server.requests:
        assert b"authorization" not in head.lower()
        assert b"cookie" not in head.lower()
    assert b"Content-Length: 4" in server.requests[0]
    assert b"chunked" not in server.requests[0].lower()


def test_an_upload_whose_source_fails_says_so(raw_server):
    def broken():
        yield b"ab"
        raise PermissionError(13, "not yours")

    with raw_server(lambda connection, _head: connection.sendall(reply("Content-Length: 0"))) as server:
        sender = Transport(server.url)
        with pytest.raises(PermissionError):
            sender.upload(f"{server.url}/files/x", broken(), 4, {})
        sender.close()


@pytest.mark.parametrize("pieces", [[b"ab"], [b"ab", b"cdefg"], []])
def test_an_upload_of_another_size_is_refused(pieces, raw_server):
    with raw_server(lambda connection, _head: connection.sendall(reply("Content-Length: 0"))) as server:
        sender = Transport(server.url)
        with pytest.raises(UsageError, match="instead of 4"):
            sender.upload(f"{server.url}/files/x", pieces, 4, {})
        sender.close()
        assert not server.requests


def test_errors_of_files_do_not_show_their_urls(raw_server):
    secret = "a-secret-token"
    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with raw_server(lambda connection, _head: connection.sendall(refusal)) as server:
        sender, url = Transport(server.url), f"{server.url}/files/{secret}"
        with pytest.raises(NotFound) as down:
            list(sender.download(url))
        with pytest.raises(NotFound) as up:
            sender.upload(url, [b"x"], 1, {})
        sender.close()
    sender = Transport(server.url)
    with pytest.raises(TransportError) as gone:
        list(sender.download(url))
    for failed in (down, up, gone):
        assert secret not in str(failed.value) + repr(failed.value)


def test_a_download_that_breaks_off_is_an_error(raw_server):
    def handle(connection, _head):
        connection.sendall(reply("Content-Length: 10", body=b"body"))
        connection.close()

    with raw_server(handle) as server:
        sender = Transport(server.url)
        with pytest.raises(TransportError, match="broke off"):
            list(sender.download(f"{server.url}/files/x"))
        sender.close()
