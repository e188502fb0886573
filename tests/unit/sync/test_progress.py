"""Progress: not at all, in the log, as a bar."""

import logging

import pytest

from e3db_connectors.errors import UsageError
from e3db_connectors.sync import progress
from e3db_connectors.sync.progress import BarProgress, LogProgress, NoProgress, progress_named


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_log_tells_every_now_and_then_and_at_the_end(clock, caplog):
    shown = LogProgress(10, clock=clock)
    with caplog.at_level(logging.INFO, "e3db_connectors"):
        shown.start("contact", 10_000)
        for _ in range(5):
            clock.now += 4
            shown.advance(1000)
        clock.now += 1
        shown.finish()
    assert [record.message for record in caplog.records] == [
        "contact: 3,000 of 10,000 records, 250 records/s, 28 s left",
        "contact: 5,000 of 10,000 records, 238 records/s, 21 s left",
    ]


@pytest.mark.parametrize(
    ("total", "done", "line"),
    [
        (None, 3, "t: 3 records, 0 records/s"),
        (0, 0, "t: 0 of 0 records, 0 records/s"),
        (3, 3, "t: 3 of 3 records, 0 records/s"),
        (3, 5, "t: 5 of 3 records, 0 records/s"),
        (6000, 3000, "t: 3,000 of 6,000 records, 30 records/s, 1 min 40 s left"),
    ],
)
def test_the_time_left_is_told_when_a_total_is_known(total, done, line, clock, caplog):
    shown = LogProgress(clock=clock)
    with caplog.at_level(logging.INFO, "e3db_connectors"):
        shown.start("t", total)
        clock.now += 100 if done else 0
        shown.advance(done)
        caplog.clear()
        shown.finish()
    assert [record.message for record in caplog.records] == [line]


def test_it_can_be_used_again(clock, caplog):
    shown = LogProgress(clock=clock)
    with caplog.at_level(logging.INFO, "e3db_connectors"):
        for what in ("a", "b"):
            shown.start(what)
            shown.advance(1)
            shown.finish()
    assert [record.message.split(" records,")[0] for record in caplog.records] == ["a: 1", "b: 1"]


def test_the_bar_goes_to_stderr_and_names_what_moves(capsys):
    shown = progress_named("bar")
    assert isinstance(shown, BarProgress)
    shown.start("[red]contact", 2)
    shown.advance(2)
    shown.finish()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "[red]contact" in captured.err
    assert "2/2" in captured.err


def test_without_rich_the_bar_says_what_to_do(monkeypatch):
    def importing(name):
        raise ImportError(name)

    monkeypatch.setattr(progress, "import_module", importing)
    with pytest.raises(UsageError, match=r"pip install 'e3db-connectors\[export\]'"):
        progress_named("bar")


def test_progress_by_name(capsys):
    quiet = progress_named("none")
    assert isinstance(quiet, NoProgress)
    quiet.start("t", 1)
    quiet.advance(1)
    quiet.finish()
    assert isinstance(progress_named("log"), LogProgress)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(UsageError, match="none, log, bar"):
        progress_named("dots")
