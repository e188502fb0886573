"""What calls cost is counted."""

import gzip
from concurrent.futures import ThreadPoolExecutor

import pytest
import tenacity

from e3db_connectors.client.auth import NoAuth
from e3db_connectors.client.traffic import Traffic, TrafficMeter
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.errors import NotFound

CREATE = Call("POST", "/create", b'{"a":1}')


@pytest.fixture
def waits(monkeypatch):
    """The waits between attempts, which are not slept."""
    seen = []
    monkeypatch.setattr(tenacity.nap.time, "sleep", seen.append)
    return seen


def answering(*replies):
    """A handler that gives one reply after the other: status, body, further headers."""
    left = list(replies)

    def handle(connection, _head):
        status, body, *more = left.pop(0)
        head = "\r\n".join([f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", *more])
        connection.sendall(head.encode() + b"\r\n\r\n" + body)

    return handle


def test_calls_repeats_waits_and_bytes_are_counted(raw_server, waits):
    packed = gzip.compress(b"{}" * 1000)
    replies = ((500, b"a"), (429, b"bb", "Retry-After: 2"), (200, packed, "Content-Encoding: gzip"))
    with raw_server(answering(*replies)) as server:
        sender = Transport(server.url)
        assert sender.send(CREATE, NoAuth()).body == b"{}" * 1000
        sender.close()
    total = sender.traffic.total()
    assert (total.requests, total.retries, total.bytes_sent) == (3, 2, 3 * 7)
    assert total.bytes_received == 3 + len(packed)
    assert total.throttled_seconds == waits[1] >= 2


def test_a_refusal_counts_too(raw_server):
    with raw_server(answering((404, b"none"))) as server:
        sender = Transport(server.url)
        with pytest.raises(NotFound):
            sender.send(CREATE, NoAuth())
        sender.close()
    assert sender.traffic.total() == Traffic(requests=1, bytes_sent=7, bytes_received=4)


def test_the_traffic_of_a_while_is_a_difference(client):
    client.write("t", {"a": "1"})
    before = client.traffic()
    client.query(record_type="t")
    spent = client.traffic() - before
    assert (spent.requests, spent.retries, spent.throttled_seconds) == (1, 0, 0)
    assert before.requests > 1
    assert spent.bytes_sent > 0 < spent.bytes_received


def test_threads_lose_no_count():
    meter = TrafficMeter()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(meter.sent, [1] * 4000))
    assert meter.total() == Traffic(requests=4000, bytes_sent=4000)
