"""A server, or what stands before it, that is too busy for many calls, and says in all kinds of ways when to come back."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import tenacity

from e3db_connectors import Client
from e3db_connectors.client import retries

KINDS = (
    *("0", "1", "2.5", "007", "30", "31", "86400", "1e400", "-1", "-1e9", "inf", "-inf", "nan", "1_0", "0x10", "", " 3 ", "soon", "1;2"),
    *("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT", "Friday, 01-Jan-99 00:00:00 GMT", "Fri, 99 Jan 2100 00:00:00 GMT"),
    *("2100-01-01T00:00:00Z", "9" * 400),
)


class Proxy(ThreadingHTTPServer):
    """Passes three of ten calls not on, and answers that it is too busy."""

    daemon_threads = True

    def __init__(self, url, seed):
        super().__init__(("127.0.0.1", 0), Passing)
        self.target, self.chance, self.lock = urlsplit(url).netloc, random.Random(seed), threading.Lock()  # noqa: S311 - the same each time
        self.counts, self.kinds = Counter(), Counter()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def refusal(self):
        """What Retry-After says, if this call is to be refused."""
        with self.lock:
            self.counts["calls"] += 1
            if self.chance.random() >= 0.3:
                return None
            kind = KINDS[self.counts["refused"] % len(KINDS)]
            self.counts["refused"] += 1
            self.kinds[kind] += 1
            return kind


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    onward = None

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refusal = self.server.refusal()
        if refusal is not None:
            self.answer(429, {"Retry-After": refusal}, b'{"error": "too busy"}')
            return
        self.onward = self.onward or HTTPConnection(self.server.target, timeout=30)
        self.onward.request(self.command, self.path, body, dict(self.headers))
        answer = self.onward.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() in {"content-type", "content-encoding"}}
        self.answer(answer.status, kept, answer.read())

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def finish(self):
        super().finish()
        if self.onward:
            self.onward.close()

    do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of http.server

    def log_message(self, *args):
        pass


@pytest.fixture
def busy(server):
    """A client behind such a proxy, and the proxy."""

    @contextmanager
    def started(client, seed):
        with Proxy(server.url, seed) as proxy:
            thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                with Client({**client.config(), "api_url": proxy.url}) as behind:
                    yield behind, proxy
            finally:
                proxy.shutdown()
                thread.join()

    return started


@pytest.fixture
def waits(monkeypatch):
    """The waits between attempts, which are not slept."""
    seen = []
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=seen.append))  # threads of other tests sleep, too
    return seen


@pytest.mark.proof
def test_a_storm_of_refusals_loses_nothing(client, busy, waits, proof):
    wanted = proof.size(300, 5000)
    longest = retries.RETRY_AFTER_MAX * (1 + retries.RETRY_AFTER_SPREAD) + 10

    def work(number, behind):
        record = behind.write("note", {"n": str(number)})
        if number % 3 == 0:
            record.data["n"] += "!"
            record = behind.update(record)
        return record.meta.record_id, behind.read(record.meta.record_id).data["n"]

    with busy(client, 3) as (behind, proxy):
        with ThreadPoolExecutor(8) as pool:
            done = dict(pool.map(lambda number: work(number, behind), range(wanted * 3 // 7)))
        counts, kinds = proxy.counts, proxy.kinds
    stored = {record.meta.record_id: record.data["n"] for record in client.query_all(record_type="note")}
    lost, doubled = len(done.keys() - stored.keys()), len(stored.keys() - done.keys())
    needed = counts["calls"] - counts["refused"]
    proof.report(
        "three of ten calls answered 429",
        **counts,
        kinds_of_retry_after=len(kinds),
        calls_per_call=f"{counts['calls'] / needed:.2f}",
        longest_wait=f"{max(waits):.1f}",
        lost=lost,
        doubled=doubled,
    )
    assert stored == done
    assert len(kinds) == 25
    assert counts["calls"] <= 1.5 * needed
    assert len(waits) == counts["refused"]
    assert max(waits) <= longest
