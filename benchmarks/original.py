"""One program, run with the original Python SDK and with this package: the processor time of a search for a page of records.

The original is no dependency; ``make interop`` installs it into an environment of its own, and ``E3DB_ORIGINAL_PYTHON`` may name another
Python that has it. Without either this measurement is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from subprocess import PIPE
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.fields import FIELDS, RECORDS, TEXT
from benchmarks.measure import table
from benchmarks.servers import server
from e3db_connectors import Client, NewRecord
from e3db_connectors.crypto.suites import NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors import Config

ORIGINAL: Final = os.environ.get("E3DB_ORIGINAL_PYTHON", ".venvs/interop-python/bin/python")
PYTHONS: Final = {"e3db": ORIGINAL, "e3db_connectors": sys.executable}
ROUNDS: Final = 15

PROGRAM: Final = """
import json, sys, time
import {module} as e3db
from {module}.types import Search

client = e3db.Client(json.load(open(sys.argv[1])))
query = Search(include_data=True, count={records}).match(record_types=["bench"])
for _ in sys.stdin:
    began = time.process_time()
    found = list(client.search(query))
    took = time.process_time() - began
    assert [record.data for record in found] == [{{f"field{{n}}": "{text}" for n in range({fields})}}] * {records}
    print(took, flush=True)
"""


class Program:
    """A program that waits for lines and answers each with one."""

    def __init__(self, python: str, text: str, credentials: Path, environment: Mapping[str, str] = os.environ) -> None:
        """Start it."""
        command = [python, "-W", "ignore", "-c", text, str(credentials)]
        self._process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True, env=environment)  # noqa: S603 - ours

    def ask(self, line: object = "") -> list[float]:
        """The numbers that it answers with."""
        assert self._process.stdin is not None  # noqa: S101 - asked for above
        assert self._process.stdout is not None  # noqa: S101 - likewise
        print(line, file=self._process.stdin, flush=True)
        return [float(number) for number in self._process.stdout.readline().split()]

    def end(self) -> None:
        """End it."""
        self._process.communicate()


def times_of_search(config: Config, folder: Path) -> dict[str, float]:
    """Median seconds by package; each has its turn in every round."""
    credentials = folder / f"{config.crypto_suite}.json"
    config.write_file(credentials)
    # How the original is told its suite; no other way is left to it.
    environment = {**os.environ, "CRYPTO_SUITE": config.crypto_suite.upper()}
    texts = {module: PROGRAM.format(module=module, text=TEXT, fields=FIELDS, records=RECORDS) for module in PYTHONS}
    programs = {module: Program(PYTHONS[module], text, credentials, environment) for module, text in texts.items()}
    try:
        for program in programs.values():
            program.ask()  # signs in, and fetches keys
        times: dict[str, list[float]] = {module: [] for module in programs}
        for _ in range(ROUNDS):
            for module, program in programs.items():
                times[module] += program.ask()
        return {module: median(seconds) for module, seconds in times.items()}
    finally:
        for program in programs.values():
            program.end()


def main() -> None:
    """Print the table, if the original is there."""
    if not Path(ORIGINAL).exists():
        print("\nThe original Python SDK is not installed beside (make interop does it), so it is not measured.")  # noqa: T201 - a program's voice
        return
    rows = []
    with TemporaryDirectory() as name, server(Path(name)) as (url, token):
        for suite in NAMES:
            config = Client.register(token, "bench", api_url=url, crypto_suite=suite).config
            with Client(config) as client:
                data = {f"field{n}": TEXT for n in range(FIELDS)}
                for _ in client.write_many(NewRecord("bench", data) for _ in range(RECORDS)):
                    pass  # the program counts and looks at what it finds
            medians = times_of_search(config, Path(name))
            rows += [[suite, module, f"{took * 1000:.1f} ms", f"{medians['e3db'] / took:.1f}"] for module, took in medians.items()]
    title = f"client.search of a page of {RECORDS:,} records of {FIELDS} fields, HTTP to values, processor time of the program"
    table(title, ["suite", "package", "median", "times as fast"], rows)


if __name__ == "__main__":
    main()
