"""Records of which a whole page is more than a client takes."""

from random import Random

import pytest

from e3db_connectors.errors import ReplyTooLarge
from e3db_connectors.sync.reading import Engine, Tuning


@pytest.fixture
def store(trial):
    """A quiet model of a server with 30 records, and the limits that it is asked with."""
    made = trial(0, lag=0, clock_error=0, short=0)
    store = made.store
    store.quiet, store.pace, store.rng = True, 0.0001, Random(1)  # noqa: S311 - it has to be the same each time
    for number in range(30):
        row = made.row_type(f"{number:016x}", "me")
        row.change(store.now + number * 1_000_000, store.now)
        store.rows.append(row)
    store.wait(60)
    return store


@pytest.fixture
def asked(store, monkeypatch):
    """Let replies hold some records; returns the limits of all requests."""
    ask = store.search

    def fitting(most):
        limits = []

        def search(request):
            limits.append(request.limit)
            if request.limit > most:
                raise ReplyTooLarge("the reply is larger than it may be")
            return ask(request)

        monkeypatch.setattr(store, "search", search)
        return limits

    return fitting


def read(store):
    engine = Engine(store, "t", tuning=Tuning(page_size=10, max_workers=1), opener=lambda result: result.meta.record_id)
    return [row for step in engine.run() for row in step.rows]


@pytest.mark.parametrize("most", [2, 3])
def test_as_many_are_asked_for_as_a_reply_holds(store, asked, most):
    limits = asked(most)
    assert sorted(read(store)) == sorted(row.record_id for row in store.rows)
    assert [limit for limit in limits if limit > most] == [10, 5]


def test_a_record_that_no_reply_can_hold_is_an_error(store, asked):
    asked(0)
    with pytest.raises(ReplyTooLarge):
        read(store)
