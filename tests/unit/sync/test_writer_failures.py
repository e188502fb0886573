"""Rows that cannot be written: told, counted, and no more than that."""

import json
import logging
from decimal import Decimal

import pytest

from e3db_connectors import errors
from e3db_connectors.sync.writing import Failures

SECRET = "a value that nobody may see"
GOOD = {"id": 1, "name": "good"}
TOO_LARGE = {"id": 7, "name": SECRET * 400_000}


def check(row):
    if row["name"] == "forbidden":
        raise errors.UsageError(f"{row['name']} breaks its schema")


BAD = {
    "no key": ({"name": SECRET}, "UsageError"),
    "key is null": ({"id": None, "name": SECRET}, "UsageError"),
    "half a character": ({"id": 7, "name": SECRET + "\ud800"}, "UsageError"),
    "half a character in its key": ({"id": "\ud800", "name": SECRET}, "UsageError"),
    "no JSON": ({"id": object(), "name": SECRET}, "UsageError"),
    "not a number": ({"id": float("nan"), "name": SECRET}, "UsageError"),
    "infinite": ({"id": Decimal("Infinity"), "name": SECRET}, "UsageError"),
    "refused by the check": ({"id": 7, "name": "forbidden"}, "UsageError"),
    "too large": (TOO_LARGE, "InvalidRequest"),
}


@pytest.fixture(params=BAD.values(), ids=BAD.keys())
def bad(request):
    return request.param


def test_the_first_bad_row_ends_the_run(bad, items):
    row, error = bad
    with pytest.raises(getattr(errors, error)) as caught:
        items.writer(check=check).write([row])
    assert SECRET not in str(caught.value)
    assert items.records() == []


def test_a_bad_row_is_skipped_and_told_without_its_value(bad, items, caplog, outcomes):
    row, error = bad
    failures = Failures("skip")
    with caplog.at_level(logging.DEBUG):
        written = items.writer(failures=failures, check=check).write([GOOD, row, {"id": 3, "name": "good"}])
    assert outcomes(written) == ["created", "failed", "created"]
    assert (written[1].position, written[1].error) == (2, error)
    assert failures.classes == {error: 1}
    assert [record["id"] for record in items.stored()] == ["1", "3"]
    assert "row 2 of items" in caplog.text
    assert SECRET not in caplog.text


def test_a_dead_letter_names_type_row_key_and_class(items, tmp_path):
    path = tmp_path / "dead.jsonl"
    failures = Failures("dead_letter", dead_letter_file=path)
    assert path.stat().st_mode & 0o777 == 0o600
    writer = items.writer(failures=failures)
    writer.write([GOOD, {"name": SECRET}])
    writer.write([TOO_LARGE])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines == [
        {"record_type": "items", "row": 2, "key": None, "error": "UsageError"},
        {"record_type": "items", "row": 3, "key": items.key_of(7), "error": "InvalidRequest"},
    ]
    assert items.stored() == [{"id": "1", "name": "good"}]


def test_later_runs_add_to_the_file(items, tmp_path):
    path = tmp_path / "dead.jsonl"
    for _ in range(2):
        items.writer(failures=Failures("dead_letter", dead_letter_file=path)).write([{"name": "x"}])
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("bad", [3, 4])
def test_more_than_max_errors_end_the_run(bad, items, tmp_path):
    """What has failed stands in the file all the same."""
    path = tmp_path / "dead.jsonl"
    writer = items.writer(failures=Failures("dead_letter", max_errors=3, dead_letter_file=path))
    rows = [{"name": "no key"}] * bad
    if bad == 3:
        writer.write([GOOD, *rows])
        assert len(items.records()) == 1
    else:
        with pytest.raises(errors.TooManyErrors, match="more than 3 rows"):
            writer.write([GOOD, *rows])
    assert len(path.read_text().splitlines()) == bad


def test_writers_of_a_run_count_together(items):
    failures = Failures("skip", max_errors=1)
    items.writer(failures=failures).write([{"name": "no key"}])
    with pytest.raises(errors.TooManyErrors):
        items.writer(failures=failures).write([{"name": "no key"}])


@pytest.mark.parametrize("error", [errors.Unavailable("POST", "/x", 503), errors.Forbidden("POST", "/x", 403), errors.UntrustedKey("x")])
def test_what_is_no_rows_fault_ends_the_run(error, items, monkeypatch):
    writer = items.writer(failures=Failures("skip"))

    def write(*_arguments, **_options):
        raise error

    monkeypatch.setattr(items.client, "write", write)
    with pytest.raises(type(error)):
        writer.write([GOOD])


def test_a_record_that_does_not_open_fails_its_row_alone(items, damage, outcomes):
    writer = items.writer(failures=Failures("skip"))
    written = writer.write([{"id": number, "name": "a"} for number in range(5)])
    damage(written[2].record_id)
    again = writer.write([{"id": number, "name": "b"} for number in range(5)])
    assert outcomes(again) == ["updated", "updated", "failed", "updated", "updated"]
    assert again[2].error == "EncodingError"


def test_a_bad_row_does_not_take_the_place_of_a_good_one_with_its_key(items, outcomes):
    written = items.writer(failures=Failures("skip"), check=check).write([GOOD, {"id": 1, "name": "forbidden"}])
    assert outcomes(written) == ["created", "failed"]
    assert items.stored() == [{"id": "1", "name": "good"}]


def test_a_row_that_the_server_refuses_leaves_its_place_to_the_one_before(items, outcomes):
    first, second, last = ({"id": 7, "name": name} for name in ("first", "second", SECRET * 400_000))
    written = items.writer(failures=Failures("skip")).write([first, second, last, GOOD])
    assert outcomes(written) == ["superseded", "created", "failed", "created"]
    assert items.stored() == [GOOD | {"id": "1"}, {"id": "7", "name": "second"}]


def test_rows_without_a_key_can_fail_too(items, outcomes):
    written = items.writer(keys=(), failures=Failures("skip"), check=check).write([GOOD, {"id": 2, "name": "forbidden"}, GOOD])
    assert outcomes(written) == ["created", "failed", "created"]
