"""Opening the fields of a page: PyNaCl's public bindings against the opener that the client uses, and both suites."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from e3db_connectors.crypto.access_keys import generate_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.fields import open_field, seal_field
from e3db_connectors.crypto.suites import NAMES, suite_named
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from e3db_connectors.crypto.suite import CipherSuite

RECORDS: Final = 1000
FIELDS: Final = 10
TEXT: Final = "twenty characters, 20"[:20]
ROUNDS: Final = 7


def page(suite: CipherSuite, key: bytes) -> bytes:
    """A page of records as it comes from a server."""
    meta = Meta("w" * 36, "w" * 36, "t", {}, "r" * 36, "v" * 36, "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000001Z")
    results = [Result(meta, {f"field{n}": seal_field(suite, key, TEXT) for n in range(FIELDS)}) for _ in range(RECORDS)]
    return msgspec.json.encode(SearchResponse(results, 0, RECORDS))


def open_page(body: bytes, key: bytes, opener: Callable[[bytes, str], str]) -> list[dict[str, str]]:
    """From bytes to values."""
    results = msgspec.json.decode(body, type=SearchResponse).results or []
    return [{name: opener(key, quad) for name, quad in (result.record_data or {}).items()} for result in results]


def best(call: Callable[[], object]) -> float:
    """The shortest of several rounds, in seconds of processor time."""
    times = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        times.append(time.process_time() - began)
    return min(times)


def main() -> None:
    """Print the table."""
    print(f"A page of {RECORDS:,} records of {FIELDS} fields, JSON bytes to values, one core, best of {ROUNDS}:")  # noqa: T201 - a program with a voice
    for name in NAMES:
        suite, key = suite_named(name), generate_access_key()
        body = page(suite, key)
        bindings = best(partial(open_page, body, key, partial(open_field, suite)))
        client = best(partial(open_page, body, key, FieldOpener(suite).open))
        print(f"  {name:<8} public bindings {bindings * 1000:6.1f} ms   client {client * 1000:6.1f} ms   ratio {bindings / client:4.1f}")  # noqa: T201 - see above


if __name__ == "__main__":
    main()
