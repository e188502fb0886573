"""The processor time of `tap-e3db` by its page loop and by the SDK's default loop, on the same records, none of which is decrypted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.measure import table
from benchmarks.stock import stocked

RECORDS: Final = 10_000
ROUNDS: Final = 5

PROGRAM: Final = """
import json, sys, time
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.io_base import SingerWriter
from e3db_connectors.singer import tap
from e3db_connectors.singer.page_loop import PagedStream

def run():
    began = time.process_time()
    made.sync_all()
    print(time.process_time() - began, file=sys.stderr)

if sys.argv[2] == "sdk":
    tap.TapE3DB.message_writer_class = SingerWriter
    PagedStream.TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.RECURSIVE
made = tap.TapE3DB(config=json.load(open(sys.argv[1])))
sys.stdout = open("/dev/null", "w")
if sys.argv[2] == "sdk":
    run()
else:
    tap.command.run = lambda *_: run()
    tap.main()
"""


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as name, stocked(Path(name), {"bench": RECORDS}) as config:
        folder = Path(name)
        config.write_file(folder / "credentials.json")
        seconds = _seconds(_config(folder))
    floor = seconds["page loop"]
    rows = [(way, f"{RECORDS / taken:,.0f}", f"{taken / floor:.1f}") for way, taken in seconds.items()]
    table(f"tap-e3db, {RECORDS:,} records with all columns `ciphertext`", ("loop", "records/CPU s", "CPU"), rows)


def _config(folder: Path) -> Path:
    config = folder / "config.json"
    columns = {"rules": [{"rule": "ciphertext", "column": "*"}]}
    settings = {"credentials_file": str(folder / "credentials.json"), "columns": columns}
    config.write_text(json.dumps(settings), encoding="utf-8")
    return config


def _seconds(config: Path) -> dict[str, float]:
    ways = {"page loop": "pages", "SDK's default loop": "sdk"}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, mode in ways.items():
            command = [sys.executable, "-c", PROGRAM, str(config), mode]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - ours
            taken[way].append(float(done.stderr.split()[-1]))
    return {way: median(each) for way, each in taken.items()}


if __name__ == "__main__":
    main()
