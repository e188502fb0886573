"""`tap-e3db` to ``/dev/null``: beside a plain script on the original Python SDK and beside decryption alone; its memory and requests, too.

``python -m benchmarks.tap --records 100000``; the original is left out where it is not installed, see `benchmarks.original`.

With one worker the tap and the server take turns, as the script and the server do; with four both work at once. Where two processors are
two threads of one core, as on many virtual machines, each is then slower, and takes more processor seconds for the same.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benchmarks import tap_loops
from benchmarks.fields import FIELDS, TEXT, plainly
from benchmarks.measure import table
from benchmarks.original import ORIGINAL
from benchmarks.stock import PAGE, stocked
from e3db_connectors import Client
from e3db_connectors.crypto.access_keys import open_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from e3db_connectors import Config

RECORDS: Final = 100_000
FEW: Final = 10_000
"""As many as a search reaches, and so the script."""

OPENED: Final = 20_000
"""As many are opened to know what decryption takes of any number."""

ROUNDS: Final = 2

# A process inherits what `ru_maxrss` says from whoever starts it; this is its own.
_COST: Final = """
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(time.process_time(), peak, file=sys.stderr)
"""

TAP: Final = f"""
import sys, time
from e3db_connectors.singer import tap

try:
    tap.main()
finally:{_COST}"""

SCRIPT: Final = f"""
import json, sys, time
import e3db
from e3db.types import Search

try:
    client = e3db.Client(json.load(open(sys.argv[1])))
    query = Search(include_data=True, count={PAGE}).match(record_types=["few"])
    while True:
        page = client.search(query)
        for record in page.records:
            print(json.dumps({{"id": record.meta.record_id, "modified": record.meta.last_modified, **record.data}}, default=str))
        if not page.next_token:
            break
        query.next_token = page.next_token
finally:{_COST}"""


@dataclass(frozen=True)
class Run:
    """What a process has done and taken.

    Args:
        records: How many it read.
        seconds: From its start to its end.
        processor: Processor seconds.
        peak: The most memory that it had, in MiB.
        log: What it told.
    """

    records: int
    seconds: float
    processor: float
    peak: float
    log: str


def process(python: str, program: str, *arguments: object, records: int, output: str = "/dev/null") -> Run:
    """Run a program that tells what it has taken."""
    command = [python, "-W", "ignore", "-c", program, *map(str, arguments)]
    with Path(output).open("wb") as out:
        began = time.perf_counter()
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ours
        seconds = time.perf_counter() - began
    processor, peak = done.stderr.split()[-2:]
    return Run(records, seconds, float(processor), int(peak) / 1024, done.stderr)


class Tap:
    """The tap on the records of one type."""

    def __init__(self, folder: Path, record_type: str, records: int, **settings: object) -> None:
        """Write its settings, which are the default ones but for those that are given."""
        self._folder, self._records = folder, records
        self._config = folder / f"{'-'.join([record_type, *settings])}.json"
        settings |= {"credentials_file": str(folder / "credentials.json"), "record_types": [record_type]}
        self._config.write_text(json.dumps(settings))

    def __call__(self) -> Run:
        """Run it."""
        return process(sys.executable, TAP, "--config", self._config, records=self._records)

    def requests_of_a_second_sync(self) -> int:
        """Requests of the stream when there is nothing new; token, discovery and incoming shares are not of it."""
        output, state = self._folder / "output.jsonl", self._folder / "state.json"
        process(sys.executable, TAP, "--config", self._config, records=self._records, output=str(output))
        with output.open(encoding="utf-8") as lines:
            messages: list[Any] = [json.loads(line) for line in lines if line.startswith('{"type":"STATE"')]
        state.write_text(json.dumps(messages[-1]["value"]), encoding="utf-8")
        again = process(sys.executable, TAP, "--config", self._config, "--state", state, records=0)
        [(rows, requests)] = re.findall(r"(\d+) rows of \d+ windows in (\d+) requests", again.log)
        if rows != "0":
            raise RuntimeError(f"{rows} rows came again")
        return int(requests)


def decryption(config: Config, records: int) -> dict[str, Callable[[], float]]:
    """Ways to open so many records, text of the quads to values, in one thread; each tells its processor seconds.

    One is the client's, the other does the same by PyNaCl's functions, field by field.
    """
    suite = suite_named(config.crypto_suite)
    with Client(config) as client:
        page = next(client.query_pages(QueryRequest(count=PAGE, content_types=["many"], include_data=True)))
    sealed = page[0].access_key
    assert sealed is not None  # noqa: S101 - asked for with the data
    key = open_access_key(suite, sealed.eak, config.public_key, config.private_key)
    opener = FieldOpener(suite)

    def run(open_all: Callable[[bytes, dict[str, str]], object]) -> float:
        began = time.process_time()
        for _ in range(OPENED // PAGE):
            for result in page:
                open_all(key, result.record_data or {})
        return (time.process_time() - began) * records / OPENED

    return {"the client": partial(run, opener.open_all), "PyNaCl": partial(run, partial(plainly, suite))}


def main(records: int = RECORDS) -> None:
    """Measure and print; each way has its turn in every round."""
    with TemporaryDirectory() as name, stocked(Path(name), {"few": FEW, "many": records}) as config:
        folder = Path(name)
        config.write_file(folder / "credentials.json")
        tap = Tap(folder, "few", FEW)
        ways: list[tuple[str, Callable[[], Run]]] = [
            ("tap-e3db", tap),
            ("tap-e3db", Tap(folder, "many", records)),
            ("tap-e3db, max_workers 1", Tap(folder, "many", records, max_workers=1)),
        ]
        if Path(ORIGINAL).exists():
            ways.append(("script on the original SDK", partial(process, ORIGINAL, SCRIPT, folder / "credentials.json", records=FEW)))
        openers = decryption(config, records)
        decrypting: dict[str, list[float]] = {name: [] for name in openers}
        runs: list[tuple[str, list[Run]]] = [(name, []) for name, _ in ways]
        for _ in range(ROUNDS):
            for (_, run), (_, done) in zip(ways, runs, strict=True):
                done.append(run())
            for opener, decrypt in openers.items():
                decrypting[opener].append(decrypt())
        start = process(sys.executable, TAP, "--version", records=0)
        _tell(runs, start.processor, {name: median(seconds) for name, seconds in decrypting.items()})
        print(f"  requests for the stream in a second sync without changes: {tap.requests_of_a_second_sync()} (goal: at most 3)")  # noqa: T201 - a program's voice
    tap_loops.main()


def _tell(runs: Sequence[tuple[str, list[Run]]], start: float, decrypting: Mapping[str, float]) -> None:
    def middle(way: list[Run], name: str) -> float:
        return median(float(getattr(run, name)) for run in way)

    *_, (_, last) = runs
    rows = []
    for name, way in runs:
        rate, of_processor = (way[0].records / middle(way, clock) for clock in ("seconds", "processor"))
        ratios = [
            f"{middle(last, clock) * way[0].records / last[0].records / middle(way, clock):.1f}" for clock in ("seconds", "processor")
        ]
        rows.append(
            [name, f"{way[0].records:,}", f"{rate:,.0f}", ratios[0], f"{of_processor:,.0f}", ratios[1], f"{middle(way, 'peak'):.0f} MiB"]
        )
    head = ["way", "records", "records/s", "ratio", "records/CPU s", "ratio", "peak memory"]
    table(f"Reading records of {FIELDS} fields of {len(TEXT)} characters, median of {ROUNDS} processes, their start included", head, rows)
    (name, many), (alone_name, alone) = ((name, middle(way, "processor")) for name, way in runs[1:3])
    seconds_of = {f"decryption alone, by {way}": seconds for way, seconds in decrypting.items()}
    seconds_of |= {name: many, alone_name: alone, "of that its start, nothing read yet": start}
    rows = [[way, f"{seconds:.2f}", f"{seconds / many:.2f}", f"{seconds / alone:.2f}"] for way, seconds in seconds_of.items()]
    table(f"Processor seconds of {runs[1][1][0].records:,} records", ["way", "seconds", f"of {name}", f"of {alone_name}"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=RECORDS, help="a multiple of 1,000")
    main(parser.parse_args().records)
