"""The way to a server: through proxies and with the certificates that the environment names, as `requests` has it."""

from contextlib import ExitStack

import certifi
import pytest
import tenacity

from e3db_connectors.client import sessions
from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import ConfigError, OutcomeUnknown, TransportError, UsageError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CREATE = Call("POST", "/v1/a%2Fb?c=%20d", b'{"a": 1}', repeatable=False)


@pytest.fixture
def answering(raw_server):
    """A server that answers everything in the same way."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(raw_server(lambda connection, _head: connection.sendall(answer)))


@pytest.fixture
def through(answering, monkeypatch):
    """Such a server as the proxy of the environment."""

    def start(answer):
        server = answering(answer)
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, server.url.replace("http://", "http://me:secret@"))
        monkeypatch.setenv("no_proxy", "inside.invalid")
        monkeypatch.setattr(tenacity.nap.time, "sleep", lambda _seconds: None)
        return server

    return start


def send(url, call=CREATE):
    transport = Transport(url, allow_insecure_http=True)
    try:
        return transport.send(call, NoAuth())
    finally:
        transport.close()


def test_path_and_query_arrive_as_they_are_behind_the_path_of_the_address(answering):
    server = answering(OK)
    assert send(f"{server.url}/base/").body == b"{}"
    assert server.requests[0].split(b"\r\n")[0] == b"POST /base/v1/a%2Fb?c=%20d HTTP/1.1"


def test_a_proxy_is_told_the_whole_address_and_who_asks(through):
    proxy = through(OK)
    assert send("http://outside.invalid:8400").body == b"{}"
    lines = proxy.requests[0].split(b"\r\n")
    assert lines[0] == b"POST http://outside.invalid:8400/v1/a%2Fb?c=%20d HTTP/1.1"
    assert b"Host: outside.invalid:8400" in lines
    assert any(line.startswith(b"Proxy-Authorization: Basic ") for line in lines)


def test_the_log_of_the_http_library_does_not_show_what_a_proxy_is_told(through, caplog):
    through(OK)
    with caplog.at_level("DEBUG"):
        send("http://outside.invalid:8400")
    assert "(path)" in caplog.text
    assert "c=%20d" not in caplog.text


def test_a_proxy_that_opens_no_tunnel_has_seen_nothing_of_the_request(through):
    proxy = through(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(TransportError) as caught:
        send("https://outside.invalid")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert {request.split(b" HTTP/")[0] for request in proxy.requests} == {b"CONNECT outside.invalid:443"}
    assert b"/v1/" not in b"".join(proxy.requests)


def test_what_needs_no_proxy_goes_past_it(through):
    proxy = through(OK)
    with pytest.raises(TransportError, match="cannot reach"):
        send("http://inside.invalid")
    assert proxy.requests == []


@pytest.mark.parametrize("bundle", [None, "own.pem"])
def test_certificates_are_those_that_requests_trusts(monkeypatch, tmp_path, bundle):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    trusted = certifi.where()
    if bundle:
        trusted = str(tmp_path / bundle)
        (tmp_path / bundle).touch()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", trusted)
    session = sessions.Session(sessions.Surroundings())
    pool, _ = session._way("https://outside.invalid")
    assert (pool.ca_certs, pool.cert_reqs) == (trusted, "CERT_REQUIRED")
    session.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_what_stays_on_this_machine_passes_no_proxy(through, answering, monkeypatch, host):
    proxy, server = through(OK), answering(OK)
    monkeypatch.delenv("no_proxy")
    assert send(server.url.replace("127.0.0.1", host)).body == b"{}"
    assert len(server.requests) == 1
    assert proxy.requests == []


def test_each_place_has_the_proxy_that_is_named_for_it(through):
    through(OK)
    ways = sessions.Surroundings()
    assert ways.of("http://outside.invalid")["proxies"]["http"].startswith("http://me:secret@")
    assert not ways.of("http://inside.invalid")["proxies"].get("http")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_that_are_not_there_are_told(monkeypatch, variable):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "/nowhere/certificates.pem")
    with pytest.raises(ConfigError, match="CA_BUNDLE"):
        Transport("https://outside.invalid")


def test_a_socks_proxy_is_refused(monkeypatch):
    monkeypatch.setenv("https_proxy", "socks5h://127.0.0.1:1080")
    with pytest.raises(ConfigError, match="SOCKS"):
        Transport("https://outside.invalid")


@pytest.mark.parametrize("token", ["SECRET\n", "SECRET\u2028", "SECR\u00c9T"])
def test_a_header_that_cannot_be_sent_does_not_show_its_value(token):
    def signed(request):
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    transport = Transport("http://127.0.0.1:1")
    with pytest.raises(UsageError, match="the header Authorization") as caught:
        transport.send(CREATE, signed)
    assert "SECR" not in str(caught.value)
