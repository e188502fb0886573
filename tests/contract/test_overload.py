"""More requests than the server holds at a time, and heads that do not come to an end."""

import json
import socket
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

CHECK = "/v1/storage/servicecheck"
HEAD_MAX = 64 * 1024


@pytest.fixture
def connect(server):
    """Open a raw connection to the server of the session, or to another."""
    with ExitStack() as stack:

        def open_one(url=server.url):
            address = urlsplit(url)
            return stack.enter_context(socket.create_connection((address.hostname, address.port), timeout=30))

        yield open_one


def answer_of(connection):
    """Status, headers and body of one answer."""
    file = connection.makefile("rb")
    status = int(file.readline().split()[1])
    lines = iter(lambda: file.readline().decode().strip(), "")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return status, headers, file.read(int(headers["content-length"]))


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def get(*headers, path=CHECK):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def long_head(size, of):
    parts = {"one": [f"X: {'a' * size}"], "many": ["X: " + "a" * 95] * (size // 100), "query": []}[of]
    return get(*parts, path=f"{CHECK}?{'a' * size}" if of == "query" else CHECK)


@contextmanager
def half_requests(connect, url, number):
    """Requests whose bodies do not come."""
    made = [connect(url) for _ in range(number)]
    for connection in made:
        connection.sendall(b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it is let in
    yield made
    for connection in made:
        connection.sendall(b"abc")


def wait_for(session, url, status):
    """The first answer of this status; connections are accepted in turn, but not at once."""
    end = time.monotonic() + 30
    while (answer := session.get(url + CHECK, timeout=30)).status_code != status and time.monotonic() < end:
        time.sleep(0.02)
    return answer


def test_more_requests_than_it_holds_are_told_to_come_again(running_server, tmp_path, session, connect):
    with running_server(tmp_path, "--max-requests", "3") as server:
        assert session.get(server.url + CHECK, timeout=30).headers["Date"]
        with half_requests(connect, server.url, 3) as waiting:
            answer = wait_for(session, server.url, 503)
            assert (answer.status_code, answer.headers["Retry-After"], list(answer.json())) == (503, "1", ["error"])
            assert parsedate_to_datetime(answer.headers["Date"]) <= datetime.now(UTC)
            assert session.post(server.url + "/v2/search", data=b"x" * 100_000, timeout=30).status_code == 503
        assert [answer_of(connection)[0] for connection in waiting] == [401] * 3
        assert session.get(server.url + CHECK, timeout=30).status_code == 200
    assert (tmp_path / "server.log").read_text().count("more than 3 requests at a time") == 1


def test_callers_who_leave_make_room(running_server, tmp_path, session, connect):
    with running_server(tmp_path, "--max-requests", "2") as server, half_requests(connect, server.url, 2) as waiting:
        assert wait_for(session, server.url, 503).status_code == 503
        for connection in waiting:
            connection.shutdown(socket.SHUT_RDWR)
        assert wait_for(session, server.url, 200).status_code == 200
        waiting.clear()


def test_the_limit_comes_from_the_environment_too(running_server, tmp_path, session, connect, monkeypatch):
    monkeypatch.setenv("E3DB_SERVER_MAX_REQUESTS", "1")
    with running_server(tmp_path) as server, half_requests(connect, server.url, 1):
        assert wait_for(session, server.url, 503).status_code == 503


@pytest.mark.parametrize(("of", "refused"), [("one", 431), ("many", 431), ("query", 400)])
@pytest.mark.parametrize("size", [HEAD_MAX - 2000, HEAD_MAX + 200])
def test_a_long_head_is_refused(connect, size, of, refused):
    connection = connect()
    connection.sendall(long_head(size, of))
    status, headers, body = answer_of(connection)
    expected = (200, "status") if size < HEAD_MAX else (refused, "error")
    assert (status, *json.loads(body)) == expected
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "begin",
    [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "],
    ids=["header", "path", "trailer"],
)
def test_a_head_without_end_ends_the_connection(connect, session, server, begin):
    connection = connect()
    connection.sendall(begin)
    sent = 0
    try:
        while sent < 100 * HEAD_MAX:
            sent += connection.send(b"a" * HEAD_MAX)
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert sent < 100 * HEAD_MAX
    assert session.get(server.url + CHECK, timeout=30).status_code == 200


def test_a_head_that_comes_slowly_is_refused_in_words(connect):
    connection = connect()
    connection.sendall(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(HEAD_MAX // 4096):
        time.sleep(0.005)
        connection.sendall(b"a" * 4096)
    connection.sendall(b"a" * 4096)
    status, headers, body = answer_of(connection)
    assert (status, headers["connection"], list(json.loads(body))) == (431, "close", ["error"])
    assert is_closed(connection)


@pytest.mark.parametrize("chunk", [1, 1000, 100_000])
def test_long_bodies_and_many_requests_are_not_heads(connect, chunk):
    """Neither the chunks of a body nor requests that follow each other on one connection add up."""
    connection = connect()
    for _ in range(3):
        connection.sendall(b"POST /v1/auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(200_000 // (100 * chunk) + 1):
            connection.sendall(b"%x\r\n%s\r\n" % (chunk, b"a" * chunk) * min(100, 400_000 // chunk))
        connection.sendall(b"0\r\n\r\n")
        assert answer_of(connection)[0] == 401
        connection.sendall(get("X: " + "a" * 40_000))
        assert answer_of(connection)[0] == 200


def test_what_is_no_http_is_answered_in_json(connect):
    connection = connect()
    connection.sendall(b"nonsense\r\n\r\n")
    status, headers, body = answer_of(connection)
    assert (status, headers["content-type"], list(json.loads(body))) == (400, "application/json", ["error"])
