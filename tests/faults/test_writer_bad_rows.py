"""Rows that cannot be written among many that can."""

import json
import random

import pytest

from e3db_connectors.errors import UsageError
from e3db_connectors.sync.writing import Failures, open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}
SECRET = "a value that nobody may see"


def check(row):
    if row["name"] is None:
        raise UsageError("name breaks its schema")


SPOILS = (
    lambda row: row | {"id": None, "name": SECRET},
    lambda row: row | {"name": SECRET + "\ud800"},
    lambda row: row | {"name": None},
    lambda row: row | {"id": float("inf"), "name": SECRET},
)


@pytest.mark.proof
def test_bad_rows_go_to_the_dead_letter_and_all_others_are_loaded(client, tmp_path, proof, caplog):
    count, bad = proof.size(300, 10_000), proof.size(20, 100)
    rows = [{"id": number, "name": "good"} for number in range(count)]
    chosen = random.Random(2).sample(range(count), bad)  # noqa: S311 - the same in every run
    for number in chosen:
        rows[number] = SPOILS[number % len(SPOILS)](rows[number])
    path = tmp_path / "dead.jsonl"
    writer = open_writer(client, "t", COLUMNS, ["id"], failures=Failures("dead_letter", bad, path), check=check)
    for start in range(0, count, 1000):
        writer.write(rows[start : start + 1000])
    letters = [json.loads(line) for line in path.read_text().splitlines()]
    loaded = {int(record.data["id"]) for record in client.query_all(record_type="t")}
    proof.report("bad rows among good ones", rows=count, bad=bad, loaded=len(loaded), dead_letters=len(letters))
    assert loaded == set(range(count)) - set(chosen)
    assert sorted(letter["row"] - 1 for letter in letters) == sorted(chosen)
    assert SECRET not in path.read_text() + caplog.text
