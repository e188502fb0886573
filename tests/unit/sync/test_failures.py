"""What is done about rows and records that fail: the same rules for those that are written and those that are read."""

import json
import logging

import pytest

from e3db_connectors import errors
from e3db_connectors.sync import RecordFailures
from e3db_connectors.sync.reading.failures import record_ids
from e3db_connectors.sync.writing import Failures
from e3db_connectors.sync.writing.outcomes import RowOutcome
from e3db_connectors.wire.records import Meta

ID = "5f5b6a4e-1c1b-4f25-b8d4-0f8a3f5b9e01"
SECRET = "a value that nobody may see"


def fail_row(failures):
    failures.add("items", RowOutcome(7, "failed", "1.kid.hash", error="UsageError"), errors.UsageError(SECRET))


def fail_record(failures):
    meta = Meta("writer", "writer", "items", record_id=ID, version="version")
    failures(meta, errors.DecryptionError(SECRET))


KINDS = {
    "rows": (Failures, fail_row, errors.UsageError, {"row": 7, "key": "1.kid.hash"}),
    "records": (RecordFailures, fail_record, errors.DecryptionError, {"record_id": ID, "version": "version"}),
}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request):
    return request.param


def test_by_default_the_first_one_is_raised(kind):
    make, fail, error, _ = kind
    with pytest.raises(error):
        fail(make())


def test_it_can_be_skipped_and_is_counted_and_told_without_its_value(kind, caplog):
    make, fail, error, _ = kind
    failures = make("skip")
    with caplog.at_level(logging.DEBUG):
        fail(failures)
        fail(failures)
    assert failures.classes == {error.__name__: 2}
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "of items" in caplog.text
    assert SECRET not in caplog.text


def test_a_dead_letter_names_it_once_it_is_flushed(kind, tmp_path):
    make, fail, error, named = kind
    path = tmp_path / "dead.jsonl"
    failures = make("dead_letter", dead_letter_file=path)
    assert path.stat().st_mode & 0o777 == 0o600
    fail(failures)
    failures.flush()
    failures.flush()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"record_type": "items", **named, "error": error.__name__}]


def test_more_than_max_errors_end_the_run_and_stand_in_the_file(kind, tmp_path):
    make, fail, error, _ = kind
    path = tmp_path / "dead.jsonl"
    failures = make("dead_letter", 1, path)
    fail(failures)
    with pytest.raises(errors.TooManyErrors, match=rf"more than 1 \w+ could not be \w+; the last one: {error.__name__}"):
        fail(failures)
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    "options",
    [
        {"on_error": "ignore"},
        {"max_errors": -1},
        {"on_error": "dead_letter"},
        {"on_error": "skip", "dead_letter_file": "x"},
    ],
)
def test_options_that_do_not_go_together_are_refused(kind, options):
    with pytest.raises(errors.ConfigError):
        kind[0](**options)


def test_a_file_that_cannot_be_written_is_told_at_once(kind, tmp_path):
    with pytest.raises(errors.LocalFileError):
        kind[0]("dead_letter", dead_letter_file=tmp_path / "missing" / "dead.jsonl")


@pytest.mark.parametrize(
    "error",
    [errors.Unavailable("GET", "/x", 503), errors.Forbidden("GET", "/x", 403), errors.TransportError("x"), errors.ResponseInvalid("x")],
)
def test_what_is_no_records_fault_is_not_skipped(error):
    failures = RecordFailures("skip")
    with pytest.raises(type(error)):
        failures(Meta("writer", "writer", "items", record_id=ID), error)
    assert not failures.classes


def test_a_file_of_ids_may_be_dead_letters_or_plain(tmp_path):
    path = tmp_path / "ids"
    other = ID.replace("5", "6")
    path.write_text(f'{{"record_type":"items","record_id":"{ID.upper()}","error":"X"}}\n\n{other}\n{ID}\n')
    assert record_ids(path) == [ID, other]


@pytest.mark.parametrize("line", ["no id", "{", '{"record_id": 7}', '{"row": 7}'])
def test_a_line_without_an_id_is_refused(line, tmp_path):
    path = tmp_path / "ids"
    path.write_text(f"{ID}\n{line}\n")
    with pytest.raises(errors.UsageError, match="without the id of a record"):
        record_ids(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(errors.LocalFileError):
        record_ids(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(errors.LocalFileError):
        record_ids(tmp_path / "binary")
