"""Batches in a thread of their own: in order, one at a time, and what fails is told to whoever asks next."""

import time
from threading import Event

import pytest

from e3db_connectors.singer.background import Background


def test_one_after_the_other_in_order():
    background, done, free = Background(), [], Event()
    background.begin(lambda: done.append((free.wait(60), 1)))
    assert done == []
    free.set()
    for number in range(2, 20):
        background.begin(lambda number=number: done.append((True, number)))
        assert len(done) >= number - 1
    background.finish()
    assert done == [(True, number) for number in range(1, 20)]


def look(background):
    """Look until there is something to see."""
    for _ in range(1000):
        background.check()
        time.sleep(0.01)


@pytest.mark.parametrize("ask", [Background.finish, look, lambda background: background.begin(lambda: None)])
def test_what_fails_is_raised_once_to_whoever_asks_next(ask):
    background = Background()
    background.begin(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ask(background)
    background.finish()


def test_nothing_is_begun_after_a_failure():
    background, begun = Background(), []
    background.begin(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        background.begin(lambda: begun.append(1))
    background.finish()
    assert begun == []


def test_a_look_does_not_wait():
    background, free = Background(), Event()
    background.begin(lambda: free.wait(60) or pytest.fail("nobody let it go on"))
    background.check()
    assert not free.is_set()
    free.set()
    background.finish()
