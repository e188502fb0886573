"""`target-e3db` beside loops of writes and beside the least that writing takes, without and with latency; and what it does with rows that are there.

``python -m benchmarks.target --rows 10000``; the original's loop is left out where it is not installed, see `benchmarks.original`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import uvloop

from benchmarks.fields import FIELDS, TEXT
from benchmarks.measure import table
from benchmarks.original import ORIGINAL, Program
from benchmarks.servers import server
from e3db_connectors import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS: Final = 10_000
ROUNDS: Final = 3
LOOP_ROWS: Final = 300
"""As many are enough for the rate of a loop that does one thing after the other."""
FLOOR_ROWS: Final = 2_000
MEMORY_ROWS: Final = (5_000, 50_000)

LATENCY: Final = 0.02
_CHUNK: Final = 65_536
_GLANCE_SECONDS: Final = 0.02

LOOP: Final = """
import json, sys, time
import {module} as e3db

client = e3db.Client(json.load(open(sys.argv[1])))
data = {{f"field{{n}}": "{text}" for n in range({fields})}}
for line in sys.stdin:
    began, worked = time.perf_counter(), time.process_time()
    for _ in range(int(line)):
        client.write("loop", data, {{}})
    print(time.perf_counter() - began, time.process_time() - worked, flush=True)
"""

BARE: Final = "from benchmarks import floor; floor.main()"

NAMES: Final = {"e3db": "loop of the original's write", "e3db_connectors": "loop of client.write"}
FIRST: Final = "target-e3db, first load"
AGAIN: Final = "target-e3db, unchanged"


class Cost(NamedTuple):
    """Of a row, in seconds."""

    wall: float
    processor: float


def main(rows: int = ROWS, rounds: int = ROUNDS, memory_rows: Sequence[int] = MEMORY_ROWS) -> None:
    """Measure and print."""
    if not Path(ORIGINAL).exists():
        print("\nThe original Python SDK is not installed beside (make interop does it), so its loop is not measured.")  # noqa: T201 - a program's voice
    with TemporaryDirectory() as name, server(Path(name)) as (url, token), _proxy(url) as slow:
        for words, address in (("loopback", url), (f"{LATENCY * 1000:.0f} ms more a request", slow)):
            _compare(f"Writing {rows:,} rows of {FIELDS} columns, {words}", Bench(Path(name), address, token), rows, rounds)
        _memory(Bench(Path(name), url, token), memory_rows)


class Bench:
    """Where the target and the programs beside it write to.

    Args:
        folder: For their files.
        url: The server.
        token: Registers clients there.
    """

    def __init__(self, folder: Path, url: str, token: str) -> None:
        """Nobody has registered yet."""
        self._folder, self._url, self._token = folder, url, token

    def credentials(self) -> Path:
        """The file of a client that has no records yet."""
        path = self._folder / f"{uuid4()}.json"
        Client.register(self._token, "benchmark", api_url=self._url).config.write_file(path)
        return path

    def load(self, credentials: Path, rows: int) -> tuple[float, float, int]:
        """Seconds and processor seconds of a run of the target, its start included; and its peak memory in KiB, as Linux counts it."""
        config = self._folder / "target.json"
        config.write_text(json.dumps({"credentials_file": str(credentials)}), encoding="utf-8")
        command = [str(Path(sys.executable).parent / "target-e3db"), "--config", str(config)]
        with self._messages(rows).open("rb") as given:
            began = time.perf_counter()
            process = subprocess.Popen(command, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
            peak, ended = 0, 0
            while not ended:
                time.sleep(_GLANCE_SECONDS)
                peak = _peak(process.pid) or peak
                ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            process.returncode = os.waitstatus_to_exitcode(status)
            took = time.perf_counter() - began
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return took, usage.ru_utime + usage.ru_stime, peak

    def _messages(self, rows: int) -> Path:
        path = self._folder / f"rows-{rows}.jsonl"
        if not path.exists():
            names = [f"field{number}" for number in range(FIELDS)]
            properties = {name: {"type": ["string", "null"]} for name in ("id", *names)}
            schema = {"type": "SCHEMA", "stream": "rows", "schema": {"type": "object", "properties": properties}, "key_properties": ["id"]}
            with path.open("w", encoding="utf-8") as out:
                out.write(json.dumps(schema) + "\n")
                for number in range(rows):
                    record = {"id": str(number), **dict.fromkeys(names, TEXT)}
                    out.write(json.dumps({"type": "RECORD", "stream": "rows", "record": record}) + "\n")
        return path


def _compare(title: str, bench: Bench, rows: int, rounds: int) -> None:
    costs: dict[str, list[Cost]] = {}
    with ExitStack() as stack:
        ways = _loops(bench, stack)
        for _ in range(rounds):
            for way, run in ways.items():
                costs.setdefault(way, []).append(run())
            credentials = bench.credentials()
            for way in (FIRST, AGAIN):
                wall, processor, _ = bench.load(credentials, rows)
                costs.setdefault(way, []).append(Cost(wall / rows, processor / rows))
    medians = {way: Cost(*map(median, zip(*of_way, strict=True))) for way, of_way in costs.items()}
    lines = []
    for way, cost in medians.items():
        ratios = [f"{medians[base].wall / cost.wall:.1f}" if base in medians else "-" for base in (*NAMES.values(), FIRST)]
        lines.append((way, f"{1 / cost.wall:,.0f}", f"{cost.processor * 1000:.2f} ms", *ratios))
    table(title, ("way", "rows/s", "processor a row", "x original's loop", "x client.write", "x first load"), lines)


def _loops(bench: Bench, stack: ExitStack) -> dict[str, Callable[[], Cost]]:
    """The programs beside the target, each of which has written something already, and so has its token and its key."""
    pythons = {"e3db": ORIGINAL, "e3db_connectors": sys.executable}
    programs = {
        NAMES[module]: (python, LOOP.format(module=module, text=TEXT, fields=FIELDS), LOOP_ROWS)
        for module, python in pythons.items()
        if Path(python).exists()
    }
    programs["floor: seal and POST"] = (sys.executable, BARE, FLOOR_ROWS)
    ways: dict[str, Callable[[], Cost]] = {}
    for way, (python, text, rows) in programs.items():
        program = Program(python, text, bench.credentials())
        stack.callback(program.end)
        program.ask(10)
        ways[way] = partial(_cost, program, rows)
    return ways


def _cost(program: Program, rows: int) -> Cost:
    wall, processor = program.ask(rows)
    return Cost(wall / rows, processor / rows)


def _memory(bench: Bench, sizes: Sequence[int]) -> None:
    peaks = {rows: bench.load(bench.credentials(), rows)[2] for rows in sizes}
    least = min(peaks.values()) or 1
    lines = [(f"{rows:,}", f"{peak / 1024:.1f} MiB", f"{peak / least:.2f}") for rows, peak in peaks.items()]
    table("Peak memory of target-e3db", ("rows", "peak", "ratio"), lines)


def _peak(pid: int) -> int:
    """The most memory that a process has had so far, in KiB; 0 if it has gone, or this is not Linux."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
        return int(found[1]) if found else 0
    return 0


@contextmanager
def _proxy(url: str) -> Iterator[str]:
    """An address that leads to *url*, with each request on its way for `LATENCY` longer; it takes little of the processor."""
    address, started, loop = urlsplit(url), threading.Event(), uvloop.new_event_loop()
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
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--memory-rows", type=int, nargs="+", default=MEMORY_ROWS)
    options = parser.parse_args()
    main(options.rows, options.rounds, options.memory_rows)
