"""Opening the fields of a page, JSON bytes to values, in three ways side by side.

*one key a record* is the work that the original Python SDK does as it can be observed from outside, written as plainly as it can be: the
access key is opened again for every record, and each field by PyNaCl's, or cryptography's, public functions. *one key* opens it once.
*client* is what this client does. What the original itself takes is in `benchmarks.original`.
"""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.measure import alternating, table
from e3db_connectors.crypto.access_keys import generate_access_key, open_access_key, seal_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.fields import seal_field
from e3db_connectors.crypto.suites import NAMES, suite_named
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

if TYPE_CHECKING:
    from e3db_connectors.crypto.keypair import KeyPair
    from e3db_connectors.crypto.suite import CipherSuite

RECORDS: Final = 1000
FIELDS: Final = 10
TEXT: Final = "twenty characters ok"
PAGES: Final = 8
THREADS: Final = (1, 2, 4)


class Page:
    """A page of records as it comes from a server, and the ways to open it."""

    def __init__(self, suite: CipherSuite) -> None:
        """Make keys and records."""
        self.suite, self.key = suite, generate_access_key()
        self.keys: KeyPair = suite.generate_keypair()
        self.eak = seal_access_key(suite, self.key, self.keys.public, self.keys.private)
        self.opener = FieldOpener(suite)
        moment = "2026-01-01T00:00:00.000001Z"
        meta = Meta("w" * 36, "w" * 36, "t", {}, "r" * 36, "v" * 36, moment, moment)
        results = [Result(meta, {f"field{n}": seal_field(suite, self.key, TEXT) for n in range(FIELDS)}) for _ in range(RECORDS)]
        self.body = msgspec.json.encode(SearchResponse(results, 0, RECORDS))

    def one_key_a_record(self) -> list[dict[str, str]]:
        """Open the access key for each record."""
        return [plainly(self.suite, self._access_key(), result["record_data"]) for result in json.loads(self.body)["results"]]

    def one_key(self) -> list[dict[str, str]]:
        """Open the access key once, and everything else in the same way."""
        key = self._access_key()
        return [plainly(self.suite, key, result["record_data"]) for result in json.loads(self.body)["results"]]

    def client(self, opener: FieldOpener | None = None) -> list[dict[str, str]]:
        """As the client does it."""
        key, opener = self._access_key(), opener or self.opener
        results = msgspec.json.decode(self.body, type=SearchResponse).results or []
        return [opener.open_all(key, result.record_data or {}) for result in results]

    def pages_by(self, threads: int) -> None:
        """Some pages, as the client does it in several threads."""

        def work(_: int) -> None:
            opener = FieldOpener(self.suite)
            for _ in range(PAGES // threads):
                self.client(opener)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))

    def _access_key(self) -> bytes:
        return open_access_key(self.suite, self.eak, self.keys.public, self.keys.private)


def plainly(suite: CipherSuite, access_key: bytes, quads: dict[str, str]) -> dict[str, str]:
    """Open the fields of a record by PyNaCl's, or cryptography's, public functions."""
    opened = {}
    for name, quad in quads.items():
        sealed_key, key_nonce, sealed, nonce = (urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in quad.split("."))
        data_key = suite.open(access_key, sealed_key, key_nonce)
        opened[name] = suite.open(data_key, sealed, nonce).decode()
    return opened


def main() -> None:
    """Print both tables."""
    pages = {name: Page(suite_named(name)) for name in NAMES}
    rows = []
    for name, page in pages.items():
        ways = {"one key a record": page.one_key_a_record, "one key": page.one_key, "client": page.client}
        seconds = alternating(ways, rounds=7)
        rows += [[name, way, f"{took * 1000:.1f} ms", f"{seconds['one key a record'] / took:.1f}"] for way, took in seconds.items()]
    title = f"A page of {RECORDS:,} records of {FIELDS} fields of {len(TEXT)} characters, JSON bytes to values, one core"
    table(title, ["suite", "way", "median", "times as fast"], rows)

    rows = []
    for name, page in pages.items():
        by_threads = {str(count): partial(page.pages_by, count) for count in THREADS}
        seconds = alternating(by_threads, rounds=5, clock=time.perf_counter)
        rows += [[name, count, f"{took / PAGES * 1000:.1f} ms"] for count, took in seconds.items()]
    table("The same page by the client in several threads, which have one interpreter", ["suite", "threads", "time a page"], rows)


if __name__ == "__main__":
    main()
