"""The report of a run."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from e3db_connectors.client.traffic import Traffic
from e3db_connectors.errors import DecryptionError, NotFound
from e3db_connectors.policy import FieldCounts
from e3db_connectors.sync.report import Report, Run


class FakeClient:
    """Only its traffic is asked for."""

    spent = Traffic(10, 1, 2.5, 1000, 5000)

    def traffic(self):
        return self.spent


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def fake():
    return FakeClient()


def test_a_run_counts_what_it_did_and_what_its_client_did_meanwhile(fake):
    clock, fields = Clock(), FieldCounts()
    run = Run(fake, "contact", state={"bookmark": "a"}, fields=fields, clock=clock)
    run.count(rows=1000, windows=1)
    run.count(rows=500, windows=1, rereads=2, ghosts=1, deletes=3)
    for error in (NotFound("GET", "/x", 404), DecryptionError("x"), DecryptionError("secret")):
        run.error(error)
    fields.add([("name", "decrypted"), ("name", "decrypted"), ("note", "untouched")])
    fake.spent = Traffic(15, 3, 4.0, 1500, 9000)
    clock.now += 2
    report = json.loads(run.report({"bookmark": "b"}).to_json())
    assert report.pop("started").endswith("Z")
    nothing = {"decrypted": 0, "pseudonymised": 0, "passed_through": 0, "untouched": 0}
    assert report == {
        "record_type": "contact",
        "seconds": 2.0,
        "rows": 1500,
        "rows_per_second": 750.0,
        "windows": 2,
        "rereads": 2,
        "ghosts": 1,
        "deletes": 3,
        "requests": 5,
        "retries": 2,
        "throttled_seconds": 1.5,
        "bytes_sent": 500,
        "bytes_received": 4000,
        "errors": {"DecryptionError": 2, "NotFound": 1},
        "fields": {**nothing, "decrypted": 2, "untouched": 1},
        "columns": {"name": {**nothing, "decrypted": 2}, "note": {**nothing, "untouched": 1}},
        "state_before": {"bookmark": "a"},
        "state_after": {"bookmark": "b"},
    }


def test_it_is_read_back_as_it_was(fake):
    report = Run(fake, "t").report()
    assert msgspec.json.decode(report.to_json(), type=Report) == report
    assert (report.rows, report.requests, report.errors, report.state_before) == (0, 0, {}, None)


def test_a_state_that_changes_later_is_kept_as_it_was(fake):
    state = {"seen": [1]}
    run = Run(fake, "t", state=state)
    state["seen"].append(2)
    report = run.report(state)
    state["seen"].append(3)
    assert (report.state_before, report.state_after) == ({"seen": [1]}, {"seen": [1, 2]})


def test_no_time_is_no_rate(fake):
    run = Run(fake, "t", clock=Clock())
    run.count(rows=5)
    assert run.report().rows_per_second == 0


def test_what_is_not_counted_is_a_mistake(fake):
    with pytest.raises(TypeError, match="columns"):
        Run(fake, "t").count(columns=1)


def test_the_page_names_every_member():
    page = (Path(__file__).parents[3] / "docs" / "export.md").read_text(encoding="utf-8")
    table = page.partition("| Member |")[2].partition("\n\n")[0]
    named = [name for line in table.splitlines()[1:] for name in re.findall(r"`(\w+)`", line.split("|")[1])]
    assert sorted(named) == sorted(Report.__struct_fields__)


def test_threads_lose_no_count(fake):
    run = Run(fake, "t")

    def work(_):
        run.count(rows=2, windows=1)
        run.error(NotFound("GET", "/x", 404))
        run.fields.add([("a", "decrypted"), ("b", "untouched")])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(2000)))
    report = run.report()
    assert (report.rows, report.windows, report.errors) == (4000, 2000, {"NotFound": 2000})
    assert (report.fields.decrypted, report.fields.untouched) == (2000, 2000)
