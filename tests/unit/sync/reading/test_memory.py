"""What a run takes of memory does not grow with the number of records."""

import subprocess
import sys

import pytest

_RUN = """
import sys
from pathlib import Path
from e3db_connectors.sync.reading import Engine, Tuning
from e3db_connectors.wire import times
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

COUNT, STEP = int(sys.argv[1]), 7_000
BEGIN = times.to_micros(times.parse("2026-01-01T00:00:00Z"))


class Even:
    client_id = "me"

    def server_time(self):
        return times.from_micros(BEGIN + COUNT * STEP + 10**9)

    def shares(self, record_type, *, thorough):
        return {}

    def number(self, text):
        return COUNT if text is None else min(COUNT, max(0, -(-(times.to_micros(times.parse(text)) - BEGIN) // STEP)))

    def search(self, request):
        first, end = self.number(request.range.after), self.number(request.range.before)
        start = first + (request.next_token or 0)
        stop = min(end, start + request.limit)
        results = [self.result(number) for number in range(start, stop)]
        return SearchResponse(results, stop - first if stop < end else 0, end - first)

    def result(self, number):
        time = times.render(times.from_micros(BEGIN + number * STEP))
        return Result(Meta("me", "me", "t", {}, f"{number:036}", f"{number:036x}", time, time), {"field": "x" * 400})


given = 0
for step in Engine(Even(), "t", tuning=Tuning()).run():
    given += len(step.rows)
assert given == COUNT, given
# Not `ru_maxrss`: it begins at what the process that started this one takes.
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def peak(count):
    return int(subprocess.run([sys.executable, "-c", _RUN, str(count)], capture_output=True, text=True, check=True, timeout=1800).stdout)


@pytest.mark.proof
def test_a_million_records_take_no_more_memory_than_some_thousand(proof):
    few, many = proof.size(20_000, 50_000), proof.size(60_000, 1_000_000)
    ratio = peak(many) / peak(few)
    proof.report(f"memory of {many:,} records over that of {few:,}", ratio=f"{ratio:.3f}", allowed=1.15)
    assert ratio <= 1.15
