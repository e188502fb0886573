"""Whatever happens between any two requests, in the end the warehouse holds what the store holds, and no run gives a version out twice.

Thousands of random runs, each with a lagging index, clocks that differ, changes, bulk loads on one microsecond, deletes, grants, revokes
and a process that dies anywhere. The controls take one rule away, or leave the guarantee, and show that losses would be seen.
"""

import logging
from itertools import count

import pytest

from e3db_connectors.sync.reading.answers import Chunk
from e3db_connectors.sync.reading.pages import Pages
from e3db_connectors.sync.reading.tail import Given
from e3db_connectors.sync.reading.writers import Writers

pytestmark = pytest.mark.proof

PARTS = 4
CONTROL_MAX = 1500


@pytest.fixture(autouse=True)
def _quietly(caplog):
    caplog.set_level(logging.CRITICAL, logger="e3db_connectors.sync.reading")


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_is_lost_or_doubled(part, trial, proof):
    trials = proof.size(50, 5000)
    totals = {}
    for seed in range(part * trials, (part + 1) * trials):
        made = trial(seed)
        lost = made.run()
        assert not lost, f"trial {seed} lost {[row.record_id for row in lost]}"
        assert not made.doubled, f"trial {seed} gave {made.doubled} rows again"
        assert not made.repeated, f"trial {seed} gave {made.repeated} rows twice in one run"
        for name, amount in made.counts.items():
            totals[name] = totals.get(name, 0) + amount
    proof.report(f"simulated syncs, part {part + 1} of {PARTS}", trials=trials, **totals)


def losing(trial, **options):
    """How many trials it takes until one loses something."""
    for number in count(1):
        assert number <= CONTROL_MAX, "this control has lost nothing"
        if trial(number, **options).run():
            return number
    return None


@pytest.fixture
def no_seams(monkeypatch):
    monkeypatch.setattr(Pages, "_fits", staticmethod(lambda _seam, _first_id: True))


@pytest.fixture
def bare_offsets(monkeypatch):
    def resume(self, window, piece):
        token = piece.token
        while token:
            page = self._page(self.question, window, token)
            token = page.next_token
            yield Chunk(page.items)

    monkeypatch.setattr(Pages, "resume", resume)


@pytest.fixture
def no_catch_up(monkeypatch):
    prepare = Writers.__init__

    def prepared(self, *arguments, **options):
        prepare(self, *arguments, **options)
        self.join(list(self.new))

    monkeypatch.setattr(Writers, "__init__", prepared)


@pytest.fixture
def forgotten(monkeypatch):
    is_new = Given.is_new
    monkeypatch.setattr(Given, "is_new", lambda self, *version, ahead, **_again: is_new(self, *version, ahead=ahead, again=False))


@pytest.mark.usefixtures("no_seams")
def test_without_seams_records_get_lost(trial, proof):
    proof.report("control: no seams", trials_until_a_loss=losing(trial))


@pytest.mark.usefixtures("bare_offsets")
def test_with_bare_offsets_records_get_lost(trial, proof):
    proof.report("control: bare offsets", trials_until_a_loss=losing(trial))


@pytest.mark.usefixtures("no_catch_up")
def test_without_catch_up_records_get_lost(trial, proof):
    proof.report("control: no catch-up of new writers", trials_until_a_loss=losing(trial))


def test_beyond_the_guarantee_records_get_lost(trial, proof):
    proof.report("control: an index that lags too much", trials_until_a_loss=losing(trial, lag=40))


def test_a_warehouse_that_goes_by_time_loses_changes(trial, proof):
    def put(table, meta):
        if meta.record_id not in table or meta.last_modified >= table[meta.record_id].last_modified:
            table[meta.record_id] = meta

    proof.report("control: deduplicated by time", trials_until_a_loss=losing(trial, warehouse=put, clock_error=1_000_000))


@pytest.mark.usefixtures("forgotten")
def test_what_a_catch_up_gave_out_would_come_twice_if_it_were_forgotten(trial):
    made = [trial(seed) for seed in range(20)]
    assert not any(each.run() for each in made)
    assert any(each.repeated for each in made)
