"""Opening the fields of a page, JSON bytes to values, in three ways side by side.

*one key a record* is the work that the original Python SDK does as it can be observed from outside: it opens the access key again for
every record. *public bindings* opens it once and calls PyNaCl's, or cryptography's, public functions for each field. *client* is this client.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import msgspec

from benchmarks.measure import alternating, table
from e3db_connectors.crypto.access_keys import generate_access_key, open_access_key, seal_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.fields import open_field, seal_field
from e3db_connectors.crypto.suites import NAMES, suite_named
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

if TYPE_CHECKING:
    from e3db_connectors.crypto.keypair import KeyPair
    from e3db_connectors.crypto.suite import CipherSuite

RECORDS: Final = 1000
FIELDS: Final = 10
TEXT: Final = "twenty characters ok"


class Page:
    """A page of records as it comes from a server, and the ways to open it."""

    def __init__(self, suite: CipherSuite) -> None:
        """Make keys and records."""
        self.suite, self.key = suite, generate_access_key()
        self.keys: KeyPair = suite.generate_keypair()
        self.eak = seal_access_key(suite, self.key, self.keys.public, self.keys.private)
        self.opener = FieldOpener(suite)
        time = "2026-01-01T00:00:00.000001Z"
        meta = Meta("w" * 36, "w" * 36, "t", {}, "r" * 36, "v" * 36, time, time)
        results = [Result(meta, {f"field{n}": seal_field(suite, self.key, TEXT) for n in range(FIELDS)}) for _ in range(RECORDS)]
        self.body = msgspec.json.encode(SearchResponse(results, 0, RECORDS))

    def one_key_a_record(self) -> list[dict[str, str]]:
        """Open the access key for each record."""
        opened = []
        for result in json.loads(self.body)["results"]:
            key = open_access_key(self.suite, self.eak, self.keys.public, self.keys.private)
            opened.append({name: open_field(self.suite, key, quad) for name, quad in result["record_data"].items()})
        return opened

    def public_bindings(self) -> list[dict[str, str]]:
        """Open the access key once, and each field by public functions."""
        key = open_access_key(self.suite, self.eak, self.keys.public, self.keys.private)
        results = msgspec.json.decode(self.body, type=SearchResponse).results or []
        return [{name: open_field(self.suite, key, quad) for name, quad in (result.record_data or {}).items()} for result in results]

    def client(self) -> list[dict[str, str]]:
        """As the client does it."""
        key = open_access_key(self.suite, self.eak, self.keys.public, self.keys.private)
        results = msgspec.json.decode(self.body, type=SearchResponse).results or []
        return [self.opener.open_all(key, result.record_data or {}) for result in results]


def main() -> None:
    """Print the table."""
    rows = []
    for name in NAMES:
        page = Page(suite_named(name))
        ways = {"one key a record": page.one_key_a_record, "public bindings": page.public_bindings, "client": page.client}
        seconds = alternating(ways, rounds=7)
        rows += [[name, way, f"{took * 1000:.1f} ms", f"{seconds['one key a record'] / took:.1f}"] for way, took in seconds.items()]
    title = f"A page of {RECORDS:,} records of {FIELDS} fields of {len(TEXT)} characters, JSON bytes to values, one core"
    table(title, ["suite", "way", "median", "times as fast"], rows)


if __name__ == "__main__":
    main()
