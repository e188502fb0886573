"""`target-e3db` against a loop of `client.write` on the same rows, without and with latency, and the load of what is there already.

``python -m benchmarks.target --rows 10000``
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from benchmarks.fields import FIELDS, TEXT
from benchmarks.measure import table
from benchmarks.servers import server
from e3db_connectors import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS: Final = 2_000
LOOP_ROWS: Final = 300
"""As many are enough for the rate of a loop that does one thing after the other."""

LATENCY: Final = 0.02
_CHUNK: Final = 65_536


def main(rows: int = ROWS) -> None:
    """Measure and print."""
    with TemporaryDirectory() as name, server(Path(name)) as (url, token), _proxy(url) as slow:
        for words, address in (("loopback", url), (f"{LATENCY * 1000:.0f} ms more a request", slow)):
            _compare(f"Writing {rows:,} rows of {FIELDS} columns, {words}", Path(name), address, token, rows)


def _compare(title: str, folder: Path, url: str, token: str, rows: int) -> None:
    config = Client.register(token, "benchmark", api_url=url).config
    credentials = folder / f"credentials-{urlsplit(url).port}.json"
    config.write_file(credentials)
    with Client(config) as client:
        began = time.perf_counter()
        for _ in range(LOOP_ROWS):
            client.write("loop", {f"field{number}": TEXT for number in range(FIELDS)})
        loop = LOOP_ROWS / (time.perf_counter() - began)
    measured = {
        "loop of client.write": loop,
        "target-e3db": rows / _load(folder, credentials, rows),
        "target-e3db, unchanged": rows / _load(folder, credentials, rows),
    }
    table(title, ("way", "rows/s", "ratio"), [(way, f"{rate:,.0f}", f"{rate / loop:.1f}") for way, rate in measured.items()])


def _load(folder: Path, credentials: Path, rows: int) -> float:
    """Seconds of a run of the target, its start included."""
    config, messages = folder / "target.json", folder / "rows.jsonl"
    config.write_text(json.dumps({"credentials_file": str(credentials)}), encoding="utf-8")
    names = [f"field{number}" for number in range(FIELDS)]
    properties = {name: {"type": ["string", "null"]} for name in ("id", *names)}
    schema = {"type": "SCHEMA", "stream": "rows", "schema": {"type": "object", "properties": properties}, "key_properties": ["id"]}
    with messages.open("w", encoding="utf-8") as out:
        out.write(json.dumps(schema) + "\n")
        for number in range(rows):
            record = {"id": str(number), **dict.fromkeys(names, TEXT)}
            out.write(json.dumps({"type": "RECORD", "stream": "rows", "record": record}) + "\n")
    command = [str(Path(sys.executable).parent / "target-e3db"), "--config", str(config)]
    with messages.open("rb") as given:
        began = time.perf_counter()
        subprocess.run(command, stdin=given, capture_output=True, check=True)  # noqa: S603 - ours
        return time.perf_counter() - began


@contextmanager
def _proxy(url: str) -> Iterator[str]:
    """An address that leads to *url*, with each request on its way for `LATENCY` longer."""
    address, started, loop = urlsplit(url), threading.Event(), asyncio.new_event_loop()
    ports: list[int] = []

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(_CHUNK):
                loop.call_later(delay, writer.write, chunk)
        loop.call_later(delay, writer.close)

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(address.hostname, address.port)
        await asyncio.gather(pass_on(reader, back, LATENCY), pass_on(there, writer, 0))

    async def serve() -> None:
        listening = await asyncio.start_server(join, "127.0.0.1", 0)
        ports.append(listening.sockets[0].getsockname()[1])
        started.set()
        async with listening:
            await listening.serve_forever()

    def run() -> None:
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    task = loop.create_task(serve())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=ROWS)
    main(parser.parse_args().rows)
