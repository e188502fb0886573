"""The engine over a model of a server in which nothing happens but what a test does."""

import time
from random import Random

import msgspec
import pytest

from e3db_connectors.errors import DecryptionError, IndexUnsteady, StateError, TooManyErrors, UsageError, WindowExceeded
from e3db_connectors.sync import RecordFailures
from e3db_connectors.sync.reading import Engine, Tuning
from e3db_connectors.sync.reading.source import Grant
from e3db_connectors.wire import times

SECOND = 1_000_000


class Calm:
    """Runs of an engine over a quiet store."""

    def __init__(self, store, begin):
        self.store, self.begin, self.state, self.waits = store, begin, None, []
        self.counts, self.tuning = {}, {"lookback_seconds": 20, "settle_seconds": 5, "max_workers": 1}

    def at(self, seconds, *, record_id=None, writer="me", visible=0.0):
        """Write a record some seconds after the beginning."""
        row = self.row_type(record_id or f"{len(self.store.rows):016x}", writer)
        stamp = self.begin + round(seconds * SECOND)
        row.change(stamp, stamp + round(visible * SECOND))
        self.store.rows.append(row)
        return row

    def moment(self, seconds):
        return times.from_micros(self.begin + round(seconds * SECOND))

    def engine(self, **options):
        tuning = Tuning(**{**self.tuning, **options.pop("tuning", {})})
        options = {"state": self.state, "opener": lambda result: result.meta.record_id, "count": self.count, **options}
        return Engine(self.store, "t", tuning=tuning, sleep=self.sleep, **options)

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.store.wait(seconds)

    def count(self, **amounts):
        for name, amount in amounts.items():
            self.counts[name] = self.counts.get(name, 0) + amount

    def sync(self, **options):
        given = []
        for step in self.engine(**options).run():
            given += step.rows
            self.state = step.state
        return given


@pytest.fixture
def calm(trial):
    made = trial(0, lag=0, clock_error=0, order="modified", strict_bounds=False, firm=True, short=0)
    store, row_type = made.store, made.row_type
    store.quiet, store.pace = True, 0.0001
    store.rng = Random(1)  # noqa: S311 - it has to be the same each time
    calm = Calm(store, store.now)
    calm.row_type = row_type
    return calm


def test_a_second_run_gives_only_what_is_new(calm):
    rows = [calm.at(second) for second in range(10)]
    calm.store.wait(12)
    assert sorted(calm.sync()) == sorted(row.record_id for row in rows)
    assert calm.sync() == []
    calm.at(12)
    assert len(calm.sync()) == 1
    assert calm.sync() == []


def test_what_is_too_new_for_a_window_comes_with_the_tail_and_not_again(calm):
    row = calm.at(9.5)
    calm.store.wait(10)
    assert calm.sync() == [row.record_id]
    assert times.parse(calm.state["replication_key_value"]) <= calm.moment(5)
    calm.store.wait(30)
    assert calm.sync() == []


def test_an_empty_span_costs_a_request_and_the_tail(calm):
    calm.store.wait(1_000_000)
    calm.sync()
    assert calm.store.requests == 3  # the time, the window, the tail
    calm.sync()
    assert calm.store.requests == 6


@pytest.mark.parametrize("workers", [1, 4])
def test_even_load_costs_little_more_than_its_pages(workers, calm):
    for number in range(3000):
        calm.at(number / 100)
    calm.store.wait(300)
    assert len(set(calm.sync(tuning={"page_size": 50, "max_workers": workers}))) == 3000
    assert calm.store.requests <= 3000 / 50 * 1.35


def test_windows_commit_in_order_whatever_the_workers(calm):
    for number in range(500):
        calm.at(number / 10)
    calm.store.wait(300)
    ends = [step.window.end for step in calm.engine(tuning={"page_size": 20, "max_workers": 4, "search_window": 100}).run() if step.window]
    assert len(ends) > 20
    assert ends == sorted(ends)


def test_resumed_from_any_state_nothing_is_missing(calm):
    for number in range(120):
        calm.at(number / 40 // 1)
    calm.store.wait(300)
    steps = list(calm.engine(tuning={"page_size": 7}).run())
    assert len(steps) > 15
    given = set()
    for step in steps:
        given.update(step.rows)
        rest = {record_id for later in calm.engine(state=step.state, tuning={"page_size": 7}).run() for record_id in later.rows}
        assert len(given | rest) == 120


def test_the_middle_of_a_window_is_gone_on_with(calm):
    for _ in range(40):
        calm.at(1)
    calm.store.wait(300)
    first, second, *_ = calm.engine(tuning={"page_size": 10}).run()
    calm.state = second.state
    assert set(calm.sync(tuning={"page_size": 10})).isdisjoint(first.rows + second.rows)


def test_the_rest_of_a_window_in_the_look_back_comes_once(calm):
    for _ in range(40):
        calm.at(1)
    calm.store.wait(10)
    first = next(iter(calm.engine(tuning={"page_size": 10}).run()))
    calm.state = first.state
    given = first.rows + calm.sync(tuning={"page_size": 10})
    assert sorted(given) == [f"{number:016x}" for number in range(40)]


@pytest.mark.parametrize("change", ["deleted", "moved"])
def test_a_middle_that_no_longer_fits_is_read_from_its_beginning(change, calm):
    rows = [calm.at(1, record_id=f"{number:016x}") for number in range(40)]
    calm.store.wait(300)
    first = next(iter(calm.engine(tuning={"page_size": 10}).run()))
    rows[3].change(calm.store.now, calm.store.now, deleted=change == "deleted")
    calm.state = first.state
    given = calm.sync(tuning={"page_size": 10})
    assert {row.record_id for row in rows[10:]} <= set(given)


def test_a_window_whose_pages_do_not_fit_is_read_in_pieces_and_nothing_twice(calm):
    rows = [calm.at(number / 10) for number in range(40)]
    calm.store.wait(300)
    steps = calm.engine(tuning={"page_size": 10}).run()
    given = list(next(steps).rows)
    rows[2].change(calm.store.now, calm.store.now)
    for step in steps:
        given += step.rows
    assert calm.counts["rereads"] == 1
    assert len(given) == 41  # one record in two versions
    assert len(set(given)) == 40


@pytest.mark.parametrize("length", [1, 100_000])
def test_short_records_are_opened_by_one_thread_at_a_time_and_long_ones_are_not(length, calm):
    for number in range(300):
        calm.at(number / 10)
    calm.store.wait(300)
    answer, opening, together = calm.store.answer, [], []

    def with_data(request):
        found = answer(request)
        results = [msgspec.structs.replace(result, record_data={"a": "x" * length}) for result in found.results]
        return msgspec.structs.replace(found, results=results)

    def opener(result):
        opening.append(result)
        together.append(len(opening))
        time.sleep(0.001)
        opening.pop()
        return result.meta.record_id

    calm.store.search = with_data
    given = calm.sync(opener=opener, tuning={"page_size": 20, "max_workers": 4, "search_window": 100})
    assert len(set(given)) == 300
    assert (max(together) > 1) is (length > 1)


def test_ghosts_are_waited_for_and_counted(calm):
    calm.at(1)
    ghost = calm.at(2)
    ghost.change(calm.store.now + 3 * SECOND, calm.store.now + 3600 * SECOND, deleted=True)
    calm.store.wait(300)
    assert len(calm.sync()) == 1
    assert calm.counts["ghosts"] == 1
    assert calm.waits == [1]


def test_pages_that_end_early_lead_to_the_rest(calm):
    """Also beside deleted records, one of them where two pages meet; nothing of it is a record that is missing."""
    for number in range(8):
        calm.at(number / 10)
    for number in (2, 6):
        calm.store.rows[number].change(calm.store.now + 3 * SECOND, calm.store.now + 3600 * SECOND, deleted=True)
    calm.store.wait(300)
    calm.store.search = lambda request: calm.store.answer(msgspec.structs.replace(request, limit=min(request.limit, 3)))
    assert len(set(calm.sync())) == 6
    assert calm.counts["ghosts"] == 2


def test_a_token_that_counts_what_was_returned_leads_nowhere_past_deleted_records(calm):
    for number in range(8):
        calm.at(number / 10)
    for number in (2, 3, 6):
        calm.store.rows[number].change(calm.store.now + 3 * SECOND, calm.store.now + 3600 * SECOND, deleted=True)
    calm.store.wait(300)

    def search(request):
        found = calm.store.answer(request)
        last = (request.next_token or 0) + len(found.results)
        return msgspec.structs.replace(found, last_index=last if found.results and last < found.total_results else 0)

    calm.store.search = search
    assert len(calm.sync()) == 5
    assert calm.counts["ghosts"] == 3


def test_more_records_on_a_millisecond_than_a_search_returns_are_told_apart(calm):
    for number in range(300):
        calm.at(1, record_id=f"{number * 7919 % 65536:04x}", writer=("me", "ann")[number % 2])
    calm.store.grants["ann"] = Grant("once")
    calm.store.wait(300)
    assert len(set(calm.sync(all_writers=True, tuning={"page_size": 10, "search_window": 40}))) == 300


def test_records_that_cannot_be_told_apart_are_an_error_that_names_the_time(calm):
    for number in range(50):
        calm.at(1, record_id=f"0000{number:04x}")
    calm.store.wait(300)
    with pytest.raises(WindowExceeded, match=r"2026-01-01T00:00:0[01]"):
        calm.sync(tuning={"page_size": 10, "search_window": 40})


def test_an_index_that_never_holds_still_is_an_error(calm, monkeypatch):
    for number in range(30):
        calm.at(1, record_id=f"0000{number:04x}")
    calm.store.wait(300)
    answer = calm.store.answer

    def shuffled(request):
        found = answer(request)
        calm.store.rng.shuffle(found.results)
        return found

    monkeypatch.setattr(calm.store, "answer", shuffled)
    with pytest.raises(IndexUnsteady):
        calm.sync(tuning={"page_size": 10})


def test_a_share_granted_late_is_read_from_the_beginning(calm):
    for number in range(30):
        calm.at(number, writer="ann" if number % 3 else "me")
    calm.store.wait(300)
    assert len(calm.sync(all_writers=True)) == 10
    calm.store.grants["ann"] = Grant("once")
    assert len(calm.sync(all_writers=True)) == 20
    assert calm.sync(all_writers=True) == []
    calm.store.grants["ann"] = Grant("again")
    assert len(calm.sync(all_writers=True)) == 20


def test_what_a_catch_up_has_of_the_look_back_comes_once(calm):
    for number in range(30):
        calm.at(number, writer="ann")
    calm.store.wait(30)
    assert calm.sync(all_writers=True) == []
    calm.store.grants["ann"] = Grant("once")
    failed = []
    given = calm.sync(all_writers=True, opener=Bad(f"{20:016x}"), on_failure=lambda meta, _error: failed.append(meta.record_id))
    assert sorted(given + failed) == [f"{number:016x}" for number in range(30)]
    assert calm.sync(all_writers=True) == []


def test_a_catch_up_beyond_the_end_of_the_run_comes_once(calm):
    for number in range(30):
        calm.at(number, writer="ann")
    calm.store.wait(30)
    calm.sync(all_writers=True, tuning={"settle_seconds": 0})
    calm.store.grants["ann"] = Grant("once")
    given = calm.sync(all_writers=True, tuning={"settle_seconds": 25, "lookback_seconds": 0})
    assert sorted(given) == [f"{number:016x}" for number in range(30)]


def test_what_is_too_much_to_remember_comes_twice_rather_than_not_at_all(calm):
    for number in range(30):
        calm.at(number, writer="ann")
    calm.store.wait(30)
    calm.sync(all_writers=True)
    calm.store.grants["ann"] = Grant("once")
    given = calm.sync(all_writers=True, tuning={"ahead_max": 12})
    assert set(given) == {f"{number:016x}" for number in range(30)}
    assert len(given) == 30 + 8


def test_an_interrupted_catch_up_goes_on(calm):
    for number in range(100):
        calm.at(number, writer="ann")
    calm.store.wait(300)
    calm.sync(all_writers=True)
    calm.store.grants["ann"] = Grant("once")
    given = []
    for step in calm.engine(all_writers=True, tuning={"page_size": 10, "search_window": 30}).run():
        given += step.rows
        calm.state = step.state
        if len(given) > 50:
            break
    rest = calm.sync(all_writers=True)
    assert len({*given, *rest}) == 100
    assert len(given) + len(rest) == 100


def test_others_records_come_when_they_come_into_scope(calm):
    calm.store.grants["ann"] = Grant("once")
    calm.at(1, writer="ann")
    calm.at(1)
    calm.store.wait(300)
    assert len(calm.sync()) == 1
    assert len(calm.sync(all_writers=True)) == 1


def test_only_named_writers_are_read_and_who_joins_them_is_read_from_the_beginning(calm):
    calm.store.grants.update(ann=Grant("1"), bob=Grant("1"))
    mine, anns, bobs = calm.at(1), calm.at(2, writer="ann"), calm.at(3, writer="bob")
    calm.store.wait(1000)
    assert calm.sync(writer_ids=["ann"]) == [anns.record_id]
    assert sorted(calm.sync(writer_ids=["ann", "bob"])) == [bobs.record_id]
    assert calm.sync(writer_ids=["me", "bob"]) == [mine.record_id]
    assert calm.sync(writer_ids=["me", "bob"]) == []
    assert calm.sync(all_writers=True) == [anns.record_id]


@pytest.mark.parametrize("writer_ids", [[], [str(number) for number in range(101)]])
def test_no_writers_or_too_many_are_refused(writer_ids, calm):
    with pytest.raises(UsageError, match="writer_ids names 1 to 100 writers"):
        calm.engine(writer_ids=writer_ids)


def test_until_leaves_out_what_is_later_also_what_changed_meanwhile(calm):
    rows = [calm.at(second) for second in range(10)]
    calm.store.wait(300)
    rows[2].change(calm.begin + 8 * SECOND, calm.store.now + 3600 * SECOND)
    assert sorted(calm.sync(until=calm.moment(5))) == [row.record_id for row in (rows[0], rows[1], rows[3], rows[4])]
    assert sorted(calm.sync()) == sorted(row.record_id for row in (rows[2], *rows[5:]))


def test_a_record_that_changes_all_the_time_comes_in_each_run(calm):
    row = calm.at(0)
    versions = []
    for second in range(2, 200, 2):
        row.change(calm.begin + second * SECOND, calm.begin + (second + 15) * SECOND)
        calm.store.now = calm.begin + second * SECOND + 1
        if not second % 40:
            versions += calm.sync(opener=lambda result: result.meta.version)
    assert versions == [str(second // 2 + 1) for second in range(40, 200, 40)]


def test_a_bookmark_in_the_future_gives_nothing_and_a_warning(calm, caplog):
    calm.at(1)
    calm.store.wait(300)
    calm.state = {"replication_key": "_e3db_last_modified", "replication_key_value": times.render(calm.moment(3600))}
    before = dict(calm.state)
    assert calm.sync() == []
    assert calm.state == before
    assert "future" in caplog.text


def test_the_state_of_the_first_version_is_read(calm):
    calm.at(1)
    late = calm.at(100)
    calm.store.wait(300)
    calm.state = {"replication_key": "_e3db_last_modified", "replication_key_value": times.render(calm.moment(60))}
    assert calm.sync() == [late.record_id]


def test_an_earlier_start_or_another_type_is_refused(calm):
    calm.at(1)
    calm.store.wait(300)
    calm.sync(since=calm.moment(10))
    with pytest.raises(StateError, match="begin anew"):
        calm.engine(since=calm.moment(5))
    with pytest.raises(StateError, match="begin anew"):
        calm.engine()
    assert calm.sync(since=calm.moment(20)) == []
    with pytest.raises(StateError, match="another record type"):
        Engine(calm.store, "other", state=calm.state, since=calm.moment(20))


def test_a_state_stays_small(calm):
    for number in range(5000):
        calm.at(290 + number / 1000)
    calm.store.wait(300)
    calm.sync()
    assert len(str(calm.state)) < 12_000
    assert len(set(calm.sync())) <= 4000


class Bad:
    """Opens every record but some."""

    def __init__(self, *bad):
        self.bad, self.opened = bad, []

    def __call__(self, result):
        self.opened.append(result.meta.record_id)
        if result.meta.record_id in self.bad:
            raise DecryptionError("it does not open")
        return result.meta.record_id


def test_the_first_bad_record_ends_a_run_unless_told_otherwise(calm):
    rows = [calm.at(second) for second in range(5)]
    calm.store.wait(300)
    with pytest.raises(DecryptionError):
        calm.sync(opener=Bad(rows[2].record_id))
    failed = []
    given = calm.sync(opener=Bad(rows[2].record_id), on_failure=lambda meta, error: failed.append((meta.record_id, type(error))))
    assert len(given) == 4
    assert failed == [(rows[2].record_id, DecryptionError)]


def test_what_has_been_given_out_is_not_opened_again(calm):
    for second in range(5):
        calm.at(second)
    calm.store.wait(10)
    opener = Bad()
    calm.sync(opener=opener)
    calm.sync(opener=opener)
    assert len(opener.opened) == 5


def test_errors_are_too_many_at_some_time(calm, tmp_path):
    rows = [calm.at(second) for second in range(5)]
    calm.store.wait(300)
    failures = RecordFailures("dead_letter", 2, tmp_path / "dead.jsonl")
    with pytest.raises(TooManyErrors):
        calm.sync(opener=Bad(*(row.record_id for row in rows)), on_failure=failures)
    lines = (tmp_path / "dead.jsonl").read_text().splitlines()
    assert len(lines) == 3
    assert "DecryptionError" in lines[0]
