"""One program, run with the original Python SDK and with this package: the processor time of a search for a page of records.

The original is no dependency; ``make interop`` installs it into an environment of its own, and without that this measurement is left out.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.fields import FIELDS, RECORDS, TEXT
from benchmarks.measure import table
from e3db_connectors import Client, NewRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGINAL: Final = Path(".venvs/interop-python/bin/python")
ROUNDS: Final = 5

PROGRAM: Final = """
import json, sys, time
import {module} as e3db
from {module}.types import Search

client = e3db.Client(json.load(open(sys.argv[1])))
query = Search(include_data=True, count=1000).match(record_types=["bench"])
client.search(query)
times = []
for _ in range(5):
    began = time.process_time()
    assert len(list(client.search(query))) == 1000
    times.append(time.process_time() - began)
print(json.dumps(times))
"""


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, str]]:
    """A server process: its URL and registration token."""
    token = secrets.token_hex(16)
    command = [str(Path(sys.executable).parent / "e3db-connectors"), "serve", "--port", "0"]
    command += ["--database", f"sqlite:///{folder / 'e3db.sqlite'}", "--files-dir", str(folder / "files")]
    environment = {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": token}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment) as process:  # noqa: S603 - ours
        assert process.stdout is not None  # noqa: S101 - asked for above
        yield process.stdout.readline().split()[-1], token
        process.terminate()


def main() -> None:
    """Print the table, if the original is there."""
    if not ORIGINAL.exists():
        print("\nThe original Python SDK is not installed beside (make interop does it), so it is not measured.")  # noqa: T201 - a program's voice
        return
    with TemporaryDirectory() as name, server(Path(name)) as (url, token):
        config = Client.register(token, "bench", api_url=url).config
        with Client(config) as client:
            data = {f"field{n}": TEXT for n in range(FIELDS)}
            written = sum(outcome.ok for outcome in client.write_many(NewRecord("bench", data) for _ in range(RECORDS)))
        credentials = Path(name) / "credentials.json"
        config.write_file(credentials)
        times: dict[str, list[float]] = {"e3db": [], "e3db_connectors": []}
        for _ in range(ROUNDS):
            for module, python in (("e3db", str(ORIGINAL)), ("e3db_connectors", sys.executable)):
                command = [python, "-W", "ignore", "-c", PROGRAM.format(module=module), str(credentials)]
                times[module] += json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)  # noqa: S603 - ours
    medians = {module: median(seconds) for module, seconds in times.items()}
    rows = [[module, f"{took * 1000:.1f} ms", f"{medians['e3db'] / took:.1f}"] for module, took in medians.items()]
    title = f"client.search of a page of {written:,} records of {FIELDS} fields, HTTP to values, processor time of the program"
    table(title, ["package", "median", "times as fast"], rows)


if __name__ == "__main__":
    main()
