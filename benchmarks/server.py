"""The server with a million records: pages, counts and durable writes, over loopback and from another process.

``python -m benchmarks.server --records 1000000``; the records go into the store directly, not by HTTP.
"""

from __future__ import annotations

import argparse
import base64
import secrets
import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
from sqlalchemy import insert

from benchmarks.measure import table
from benchmarks.servers import postgres, server, sqlite
from e3db_connectors import Client
from e3db_connectors.server.store import schema
from e3db_connectors.server.store.database import Database
from e3db_connectors.wire import times
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from e3db_connectors import Config

RECORDS: Final = 1_000_000
SMALL: Final = 10_000
"""Records of the database that growth is measured against; and of the spans that are searched."""

FIELDS: Final = 10
FIELD_BYTES: Final = 244
TYPE: Final = "bench"
ROUNDS: Final = 21
WRITERS: Final = 8
WRITE_SECONDS: Final = 5.0
_BATCH: Final = 5_000
_STEP: Final = 10_000
"""Microseconds from one record to the next."""


class Caller:
    """A connection of a registered client.

    It does as little as can be, for it shares the processor with what it measures: a request is sent in one piece, and of an answer
    it looks at no more than status and length.
    """

    def __init__(self, url: str, config: Config) -> None:
        """Sign in."""
        address = urlsplit(url)
        self._socket = socket.create_connection((address.hostname, address.port))
        self._answers = self._socket.makefile("rb")
        self._host = address.netloc
        known = config()
        key = base64.b64encode(f"{known['api_key_id']}:{known['api_secret']}".encode()).decode()
        self._authorization = f"Basic {key}"
        token = msgspec.json.decode(self.post("/v1/auth/token", b"grant_type=client_credentials"))
        self._authorization = f"Bearer {token['access_token']}"

    def post(self, path: str, body: bytes) -> bytes:
        """Send a request; its answer's body."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}", f"Authorization: {self._authorization}", f"Content-Length: {len(body)}"]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        status, *headers = iter(self._answers.readline, b"\r\n")
        if status.split()[1] not in {b"200", b"201"}:
            raise RuntimeError(f"{path}: {status.decode()}")
        return self._answers.read(next(int(line[15:]) for line in headers if line.lower().startswith(b"content-length:")))


def seed(database: str, config: Config, count: int) -> int:
    """Put *count* records of a client into a store, a hundredth of a second between them; the last one was changed just now.

    Returns:
        The time, in microseconds.
    """
    store = Database(database)
    quads = [".".join([_text(43), _text(32), _text(FIELD_BYTES - 2 * 75), _text(32)]) for _ in range(100)]
    data = [to_bytes({f"field{n}": quads[(row + n) % 100] for n in range(FIELDS)}).decode() for row in range(100)]
    now = store.clock.now()
    first = now - count * _STEP
    columns = {"writer_id": config.client_id, "user_id": config.client_id, "type": TYPE, "plain": "{}", "rec_sig": None}
    try:
        for start in range(0, count, _BATCH):
            rows = [
                {
                    **columns,
                    "record_id": str(uuid4()),
                    "version": str(uuid4()),
                    "data": data[row % 100],
                    "created": first + row * _STEP,
                    "last_modified": first + row * _STEP,
                }
                for row in range(start, min(start + _BATCH, count))
            ]
            with store.write() as connection:
                connection.execute(insert(schema.records), rows)
    finally:
        store.close()
    return now


def _text(length: int) -> str:
    return secrets.token_urlsafe(length)[:length]


def search(span: int, *, limit: int, offset: int = 0, data: bool = False, now: int) -> bytes:
    """A v2 search of the latest *span* records, by type and time of change; of all records if 0."""
    within = {"range_key": "MODIFIED", "after": _time(now - span * _STEP)} if span else {"range_key": "MODIFIED"}
    match = [{"terms": {"content_types": [TYPE]}}]
    return to_bytes({"limit": limit, "next_token": offset, "include_data": data, "match": match, "range": within})


def _time(micros: int) -> str:
    return times.render(times.from_micros(micros))


def reads(count: int, now: int) -> dict[str, tuple[str, bytes]]:
    """What is asked of a store of *count* records, by name: path and body."""
    page = partial(search, SMALL, limit=1000, data=True, now=now)
    query = {"count": 1000, "include_data": True, "content_types": [TYPE]}
    return {
        "v2 page, offset 0": ("/v2/search", page()),
        "v2 page, offset 5,000": ("/v2/search", page(offset=5000)),
        "v2 page, offset 9,000": ("/v2/search", page(offset=9000)),
        f"v2 limit 1 of {SMALL:,}": ("/v2/search", search(SMALL, limit=1, now=now)),
        "v2 limit 1 of all": ("/v2/search", search(0, limit=1, now=now)),
        "v1 next page": ("/v1/storage/search", to_bytes({**query, "after_index": count // 2})),
    }


def timed_reads(callers: dict[int, Caller], now: dict[int, int]) -> dict[int, dict[str, float]]:
    """Median seconds of each read, by the number of records; every store has its turn in every round."""
    found: dict[int, dict[str, list[float]]] = {count: {} for count in callers}
    for _ in range(ROUNDS):
        for count, caller in callers.items():
            for name, (path, body) in reads(count, now[count]).items():
                began = time.perf_counter()
                caller.post(path, body)
                found[count].setdefault(name, []).append(time.perf_counter() - began)
    return {count: {name: median(taken) for name, taken in reads_.items()} for count, reads_ in found.items()}


def writes_per_second(url: str, config: Config) -> float:
    """Acknowledged writes a second of several callers, each with one record at a time."""
    meta = {"writer_id": config.client_id, "user_id": config.client_id, "type": "written", "plain": {}}
    body = to_bytes({"meta": meta, "data": {f"field{n}": _text(FIELD_BYTES) for n in range(FIELDS)}})

    def write(caller: Caller, until: float) -> int:
        written = 0
        while time.perf_counter() < until:
            caller.post("/v1/storage/records", body)
            written += 1
        return written

    callers = [Caller(url, config) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        began = time.perf_counter()
        total = sum(pool.map(lambda caller: write(caller, began + WRITE_SECONDS), callers))
        return total / (time.perf_counter() - began)


def bare_commits_per_second(folder: Path) -> float:
    """Rows of the same size a second, each committed to the disk, by one thread on SQLite alone."""
    with closing(sqlite3.connect(folder / "bare.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE records (seq INTEGER PRIMARY KEY, data TEXT)")
        row, written, began = _text(FIELDS * FIELD_BYTES), 0, time.perf_counter()
        while time.perf_counter() < began + WRITE_SECONDS:
            connection.execute("INSERT INTO records (data) VALUES (?)", (row,))
            written += 1
        return written / (time.perf_counter() - began)


def measure(title: str, folders: dict[int, Path], databases: dict[int, str]) -> None:
    """Seed a store of each size, and print what its server reaches."""
    configs, now = {}, {}
    for count, folder in folders.items():
        with server(folder, databases[count]) as (url, token):
            configs[count] = Client.register(token, "bench", api_url=url).config
            with Client(configs[count]) as client:
                client.write(TYPE, {"makes": "the access key"})
        now[count] = seed(databases[count], configs[count], count)
    with ExitStack() as stack:
        urls = {count: stack.enter_context(server(folders[count], databases[count]))[0] for count in folders}
        callers = {count: Caller(urls[count], configs[count]) for count in folders}
        medians = timed_reads(callers, now)
        rate = writes_per_second(urls[max(folders)], configs[max(folders)])
    few, many = medians[min(folders)], medians[max(folders)]
    rows = [[name, f"{few[name] * 1000:.1f} ms", f"{taken * 1000:.1f} ms", f"{taken / few[name]:.2f}"] for name, taken in many.items()]
    table(title, ["median of a request", f"{min(folders):,} records", f"{max(folders):,} records", "growth"], rows)
    print(f"  durable writes with {WRITERS} clients: {rate:,.0f}/s")  # noqa: T201 - a program's voice


def main(records: int = RECORDS) -> None:
    """Print the tables: SQLite, then PostgreSQL out of its package."""
    with TemporaryDirectory() as name:
        folders = {count: Path(name) / f"sqlite-{count}" for count in (SMALL, records)}
        for folder in folders.values():
            folder.mkdir()
        measure("Server on SQLite", folders, {count: sqlite(folder) for count, folder in folders.items()})
        print(f"  commits of such rows by SQLite alone, one thread: {bare_commits_per_second(Path(name)):,.0f}/s")  # noqa: T201 - as above
    with TemporaryDirectory() as name, postgres(Path(name)) as database:
        folders = {count: Path(name) / f"postgres-{count}" for count in (SMALL, records)}
        for folder in folders.values():
            folder.mkdir()
        measure("Server on PostgreSQL", folders, {count: database(f"bench_{count}") for count in folders})


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=RECORDS)
    main(parser.parse_args().records)
