"""Repeating calls: where it is harmless, and nowhere else."""

import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors import errors
from e3db_connectors.client import retries, transport
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport

READ = Call("GET", "/read")
CREATE = Call("POST", "/create", b"{}", repeatable=False)


class ScriptedServer(ThreadingHTTPServer):
    """Answers from a script, one entry a request; ``None`` breaks the connection off."""

    def __init__(self, script):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen = list(script), Counter()
        self.headers = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen[self.path] += 1
        self.server.headers.append(dict(self.headers))
        answer = self.server.script.pop(0)
        self.close_connection = True
        if answer is None:
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - names of http.server

    def log_message(self, *args):
        pass


@contextmanager
def serving(*script):
    with ScriptedServer(script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The waits between attempts, which are not slept."""
    seen = []
    monkeypatch.setattr(tenacity.nap.time, "sleep", seen.append)
    return seen


def send(server, call):
    sender = Transport(server.url)
    try:
        return sender.send(call, NoAuth())
    finally:
        sender.close()


OK = (200, {}, b"{}")


@pytest.mark.parametrize("fault", [None, (500, {}, b""), (503, {}, b""), (429, {}, b"")])
def test_a_harmless_call_is_repeated_until_it_succeeds(fault):
    with serving(fault, fault, OK) as server:
        assert send(server, READ).status == 200
        assert server.seen["/read"] == 3


def test_an_unanswered_create_is_not_repeated():
    with serving(None, OK) as server:
        with pytest.raises(errors.OutcomeUnknown, match="may have been done or not"):
            send(server, CREATE)
        assert server.seen["/create"] == 1


def test_a_create_that_met_a_defect_is_not_repeated():
    with serving((500, {}, b""), OK) as server:
        with pytest.raises(errors.OutcomeUnknown, match="HTTP 500"):
            send(server, CREATE)
        assert server.seen["/create"] == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_refused_create_is_repeated_when_the_server_says_when(status, waits):
    with serving((status, {"Retry-After": "3"}, b""), OK) as server:
        assert send(server, CREATE).status == 200
    assert 3 <= waits[0] <= 3 * 1.25 + 10


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("99999", 30),
        ("1e400", 30),
        ("-5", 0),
        ("-inf", 0),
        ("0.5", 0.5),
        ("nan", 1),
        ("soon", 1),
        ("", 1),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 30),
        ("Fri, 99 Jan 2100 00:00:00 GMT", 1),
    ],
)
def test_retry_after_is_obeyed_within_bounds(header, wait):
    assert retries.retry_after({"Retry-After": header, "Date": "Tue, 24 Nov 2026 12:00:00 GMT"}) == wait


@given(st.text() | st.floats().map(str) | st.integers().map(str))
def test_no_retry_after_waits_longer_than_its_bound(header):
    assert 0 <= retries.retry_after({"Retry-After": header}) <= retries.RETRY_AFTER_MAX


def test_a_fleet_does_not_come_back_in_the_same_instant(waits):
    for _ in range(5):
        with serving((503, {"Retry-After": "20"}, b""), OK) as server:
            send(server, READ)
    assert len(set(waits)) == 5
    assert all(20 <= wait <= 20 * 1.25 + 10 for wait in waits)


def test_attempts_end():
    with serving(*[(503, {}, b'{"error": "no"}')] * 9) as server:
        with pytest.raises(errors.Unavailable, match="503: no"):
            send(server, READ)
        assert server.seen["/read"] == retries.MAX_ATTEMPTS


def test_no_wait_begins_that_would_pass_the_time_budget(monkeypatch, waits):
    monkeypatch.setattr(transport, "BUDGET_SECONDS", 15.0)
    with serving(*[(503, {"Retry-After": "20"}, b"")] * 3) as server:
        with pytest.raises(errors.Unavailable):
            send(server, READ)
        assert server.seen["/read"] == 1
    assert waits == []


def test_redirects_are_not_followed():
    with (
        serving((307, {"Location": "http://127.0.0.1:9/elsewhere"}, b"")) as server,
        pytest.raises(errors.ResponseInvalid, match="redirect"),
    ):
        send(server, READ)


def test_nothing_is_sent_from_netrc(tmp_path):
    (tmp_path / "home" / ".netrc").write_text("machine 127.0.0.1 login me password leaked\n")
    with serving(OK) as server:
        send(server, READ)
        assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.Unauthorized),
        (403, errors.Forbidden),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.InvalidRequest),
    ],
)
def test_a_refusal_is_typed_and_keeps_what_identifies_it(status, kind):
    with serving((status, {}, b'{"error": "because\\u001b[31m"}')) as server, pytest.raises(kind) as caught:
        send(server, CREATE)
    assert (caught.value.method, caught.value.path, caught.value.status) == ("POST", "/create", status)
    assert caught.value.reason == "because [31m"


def test_an_unreachable_server_is_said_so():
    with serving() as server:
        url = server.url
    sender = Transport(url)
    with pytest.raises(errors.TransportError, match=f"cannot reach {url}") as caught:
        sender.send(CREATE, NoAuth())
    assert not isinstance(caught.value, errors.OutcomeUnknown)
