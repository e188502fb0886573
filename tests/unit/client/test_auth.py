"""Tokens: fetched once for any number of threads, renewed before they end; signatures by the server's clock."""

import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from e3db_connectors.client import auth, connections, transport
from e3db_connectors.client.api import Api
from e3db_connectors.client.auth import TokenSource, Tsv1Auth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto.signatures import generate_signing_keypair
from e3db_connectors.errors import ResponseInvalid, TransportError, Unauthorized


def answer(status, body, date=None):
    text = json.dumps(body)
    dated = f"Date: {date}\r\n" if date else ""
    return f"HTTP/1.1 {status} X\r\n{dated}Content-Length: {len(text)}\r\n\r\n{text}".encode()


class TokenServer:
    """Gives out numbered tokens; a token that is not in *good* is refused."""

    def __init__(self, expires_in=900):
        self.expires_in = expires_in
        self.given, self.good, self.calls = 0, set(), 0
        self.lock = threading.Lock()

    def __call__(self, connection, head):
        if b"/v1/auth/token" in head:
            with self.lock:
                self.given += 1
                token = f"token-{self.given}"
                self.good.add(token)
            connection.sendall(answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.expires_in}))
            return
        token = re.search(rb"Bearer (\S+)", head).group(1).decode()
        with self.lock:
            self.calls += 1
            good = token in self.good
        connection.sendall(answer(200, {}) if good else answer(401, {"error": "no"}))


@pytest.fixture
def api_of():
    made = []

    def make(server):
        sender = Transport(server.url)
        made.append(sender)
        return Api(sender, TokenSource(sender, "id", "secret"))

    yield make
    for sender in made:
        sender.close()


READ = Call("GET", "/read")


def test_64_threads_fetch_one_token(raw_server, api_of):
    handler = TokenServer()
    with raw_server(handler) as server:
        api = api_of(server)
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda _: api.send(READ), range(128)))
        assert (handler.given, handler.calls) == (1, 128)


def test_a_token_that_is_revoked_is_fetched_anew_once_for_all_threads(raw_server, api_of):
    handler = TokenServer()
    with raw_server(handler) as server:
        api = api_of(server)
        for round_ in range(1, 6):
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda _: api.send(READ), range(32)))
            assert handler.given == round_
            handler.good.clear()


def test_a_token_is_renewed_before_it_ends(raw_server, api_of, monkeypatch):
    now = [1000.0]
    handler = TokenServer()
    with raw_server(handler) as server:
        api = api_of(server)
        monkeypatch.setattr(auth.time, "monotonic", lambda: now[0])
        for seconds, given in [(0, 1), (869, 1), (2, 2), (800, 2)]:
            now[0] += seconds
            api.send(READ)
            assert handler.given == given


@pytest.mark.parametrize(("expires_in", "given"), [(0, 3), (-5, 3), (10**12, 1), (10**400, 1)])
def test_odd_lives_of_tokens_are_lived_with(expires_in, given, raw_server, api_of):
    handler = TokenServer(expires_in)
    with raw_server(handler) as server:
        api = api_of(server)
        for _ in range(3):
            api.send(READ)
        assert handler.given == given


@pytest.fixture
def late():
    """A source whose token is due for renewal but holds, at a server that does not give out another one before `release`."""
    held, asked, release = TokenServer(), threading.Event(), threading.Event()

    def handle(connection, head):
        if b"/v1/auth/token" in head and held.given:
            asked.set()
            if not release.wait(60):
                connection.sendall(answer(503, {}))
                return
        held(connection, head)

    handle.server, handle.asked, handle.release = held, asked, release
    yield handle
    release.set()


def test_a_token_that_still_holds_is_used_while_one_thread_renews_it(raw_server, api_of, late, monkeypatch):
    monkeypatch.setattr(auth, "RENEWAL_SECONDS", 60)
    with raw_server(late) as server:
        api = api_of(server)
        api.send(READ)
        api._tokens._current.renew_at = 0.0
        with ThreadPoolExecutor(1) as pool:
            renewing = pool.submit(api.send, READ)
            assert late.asked.wait(30)
            api.send(READ)
            assert not renewing.done()
            late.release.set()
            renewing.result()
        assert late.server.given == 2


def test_a_renewal_that_fails_does_no_harm_while_the_token_holds(raw_server, api_of, late, monkeypatch):
    monkeypatch.setattr(auth, "RENEWAL_SECONDS", 0.5)
    with raw_server(late) as server:
        api = api_of(server)
        api.send(READ)
        api._tokens._current.renew_at = 0.0
        api.send(READ)
        assert late.asked.wait(30)
        late.release.set()
        assert late.server.calls == 2


def test_threads_wait_for_a_token_no_longer_than_their_budget(raw_server, api_of, monkeypatch):
    monkeypatch.setattr(transport, "BUDGET_SECONDS", 0.5)
    release, threads = threading.Event(), 100
    with raw_server(lambda _connection, _head: release.wait(60)) as server:
        api, began = api_of(server), time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            waiting = [pool.submit(api.send, READ) for _ in range(threads)]
            assert all(isinstance(one.exception(), TransportError) for one in waiting)
        assert time.monotonic() - began < 0.5 * threads / 2  # one after the other would take twice as long
        release.set()


def test_signing_in_the_call_and_its_repeat_share_one_budget(raw_server, api_of, monkeypatch):
    tokens, passed = TokenServer(), 0
    monkeypatch.setattr(connections, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + passed))

    def slowly(connection, head):
        nonlocal passed
        passed += 0.4 * transport.BUDGET_SECONDS
        tokens(connection, head)
        tokens.good.clear()

    with raw_server(slowly) as server, pytest.raises(TransportError):
        api_of(server).send(READ)
    assert (tokens.given, tokens.calls) == (2, 1)


def test_a_second_401_is_final(raw_server, api_of):
    handler = TokenServer()
    with raw_server(handler) as server:
        api = api_of(server)
        api.send(READ)
        handler.good = frozenset()
        handler.good = type("Nothing", (), {"add": lambda *_: None, "__contains__": lambda *_: False})()
        with pytest.raises(Unauthorized):
            api.send(READ)
        assert (handler.given, handler.calls) == (2, 3)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(401, {"error": "no"}), Unauthorized),
        (answer(200, {}), ResponseInvalid),
        (answer(200, {"access_token": 1, "token_type": "bearer", "expires_in": 9}), ResponseInvalid),
        (answer(200, {"access_token": "t", "token_type": "bearer", "expires_in": "soon"}), ResponseInvalid),
        (answer(200, {"access_token": "t\n", "token_type": "bearer", "expires_in": 9}), ResponseInvalid),
    ],
)
def test_a_refused_or_malformed_sign_in_fails_at_once(reply, error, raw_server, api_of):
    with raw_server(lambda connection, _head: connection.sendall(reply)) as server:
        with pytest.raises(error):
            api_of(server).send(READ)
        assert len(server.requests) == 1


HOUR, DAY = 3600, 86_400


@pytest.mark.parametrize("skew", [-DAY, -HOUR, -60, 60, HOUR, DAY])
def test_signatures_follow_the_servers_clock(skew, raw_server):
    """A server whose clock is off refuses the first signature, and takes the next: its Date has told the time."""

    def check(connection, head):
        there = time.time() + skew
        stated = int(re.search(rb"TSV1-ED25519-BLAKE2B; [\w-]+; (\d+);", head).group(1))
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(there))
        connection.sendall(answer(200 if abs(stated - there) < 25 else 401, {}, date))

    with raw_server(check) as server:
        transport, signing = Transport(server.url), Tsv1Auth(generate_signing_keypair(), "client")
        for _ in range(3):
            transport.send(READ, signing)
        assert abs(transport.clock_offset - skew) < 20
        transport.close()
        assert len(server.requests) == 4


def test_a_refused_signature_by_a_right_clock_is_not_repeated(raw_server):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    with raw_server(lambda connection, _head: connection.sendall(answer(401, {}, date))) as server:
        transport = Transport(server.url)
        with pytest.raises(Unauthorized):
            transport.send(READ, Tsv1Auth(generate_signing_keypair()))
        transport.close()
        assert len(server.requests) == 1
