"""Writers that share a transaction: each happens as a whole or not at all, and all that happened are committed or none."""

import asyncio
from threading import Event as ThreadEvent

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, event, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError

from e3db_connectors.server import writing
from e3db_connectors.server.store import sqlite
from e3db_connectors.server.store.turns import GroupLost, Turns
from e3db_connectors.server.writing import GROUP_MAX, WritingThread

numbers = Table("numbers", MetaData(), Column("n", Integer, primary_key=True))


class Store:
    """A table of numbers, and how many commits and settlings there were."""

    def __init__(self, path):
        self.engine = create_engine(f"sqlite:///{path}")
        sqlite.prepare(self.engine)
        numbers.metadata.create_all(self.engine)
        self.commits = self.settled = 0
        self.turns = Turns(self.begin, self.settle)
        self.fails = False
        event.listen(self.engine, "commit", self.count)

    def begin(self):
        connection = self.engine.connect().execution_options(writes=True)
        connection.begin()
        return connection

    def settle(self):
        self.settled += 1

    def count(self, _connection):
        self.commits += 1
        if self.fails:
            raise OperationalError("COMMIT", None, ValueError("no room"))

    def add(self, *values):
        with self.turns.take() as connection:
            for value in values:
                connection.execute(insert(numbers).values(n=value))
        return values[-1]

    def held(self):
        with self.engine.connect() as connection:
            return set(connection.execute(select(numbers.c.n)).scalars())


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "numbers.sqlite")
    yield made
    made.engine.dispose()


async def at_once(thread, *work):
    """Run all of it in one group: the thread is held up until all has been handed over."""
    hold = ThreadEvent()
    first = asyncio.create_task(thread.run(hold.wait))
    rest = [asyncio.create_task(thread.run(item)) for item in work]
    await asyncio.sleep(0)
    hold.set()
    return (await asyncio.gather(first, *rest, return_exceptions=True))[1:]


def adding(store, *values):
    return lambda: store.add(*values)


def test_a_group_is_one_commit(store):
    assert asyncio.run(at_once(WritingThread(store.turns), *(adding(store, n) for n in range(20)))) == list(range(20))
    assert (store.held(), store.commits, store.settled) == (set(range(20)), 1, 1)


def test_a_group_has_an_end(store):
    count = GROUP_MAX + 10
    asyncio.run(at_once(WritingThread(store.turns), *(adding(store, n) for n in range(count))))
    assert (len(store.held()), store.commits) == (count, 2)


def test_who_fails_takes_nobody_along(store):
    work = [adding(store, 1), adding(store, 2, 1), adding(store, 3), adding(store, 4, 4)]
    one, two, three, four = asyncio.run(at_once(WritingThread(store.turns), *work))
    assert (one, three) == (1, 3)
    assert isinstance(two, IntegrityError)
    assert isinstance(four, IntegrityError)
    assert store.held() == {1, 3}


def test_a_commit_that_fails_is_told_to_all(store):
    store.fails = True
    results = asyncio.run(at_once(WritingThread(store.turns), adding(store, 1), adding(store, 1), lambda: "nothing"))
    store.fails = False
    assert [type(result) for result in results] == [GroupLost] * 3
    assert (store.held(), store.settled) == (set(), 1)
    assert store.add(5) == 5


def test_the_thread_outlives_what_goes_wrong(store):
    thread = WritingThread(store.turns)
    store.fails = True
    asyncio.run(at_once(thread, adding(store, 1)))
    store.fails = False
    assert asyncio.run(at_once(thread, adding(store, 2))) == [2]
    assert store.held() == {2}


def test_a_turn_that_comes_late_is_taken(store, monkeypatch):
    monkeypatch.setattr(writing, "GROUP_SECONDS", 0)  # as if it had all been spent in waiting
    thread = WritingThread(store.turns)
    for n in range(3):
        assert asyncio.run(thread.run(adding(store, n))) == n
    assert store.held() == {0, 1, 2}


@pytest.mark.parametrize("error", [OSError("no memory"), OperationalError("BEGIN", None, ValueError("locked"))])
def test_those_who_wait_are_told_that_there_is_no_turn(store, monkeypatch, error):
    def refuse():
        raise error

    thread = WritingThread(store.turns)
    with monkeypatch.context() as patch:
        patch.setattr(store.turns, "_begin", refuse)
        results = asyncio.run(at_once(thread, adding(store, 1), adding(store, 2)))
        assert all(isinstance(result, (OSError, GroupLost)) for result in results)
    assert asyncio.run(thread.run(adding(store, 3))) == 3
    assert store.held() == {3}


@pytest.mark.parametrize(("invalidated", "certain"), [(True, False), (False, True)])
def test_a_connection_lost_in_its_commit_leaves_open_what_happened(invalidated, certain):
    cause = OperationalError("COMMIT", None, ValueError("gone"), connection_invalidated=invalidated)
    assert GroupLost(cause).nothing_happened is certain


def test_a_turn_of_its_own_is_committed_at_its_end(store):
    assert store.add(1) == 1
    with pytest.raises(IntegrityError):
        store.add(2, 1)
    assert (store.held(), store.settled) == ({1}, 2)
