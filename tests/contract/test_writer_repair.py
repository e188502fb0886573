"""e3db-connectors repair-keys."""

import json

import pytest
from sqlalchemy import text

from e3db_connectors.sync.keys import ROW_KEY

KEY, OTHER = "1.0a0b0c0d.first", "1.0a0b0c0d.second"


@pytest.fixture
def repair(run, credentials_file):
    def command(*arguments):
        return run("e3db-connectors", "repair-keys", "t", *arguments, "--credentials-file", credentials_file)

    return command


@pytest.fixture
def double(client):
    return [client.write("t", {"a": value}, {ROW_KEY: KEY}).meta.record_id for value in ("old", "new")]


def test_it_prints_what_it_did(client, repair, double):
    done = repair()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{KEY}: {double[0]} stays with newer values of another; removed: {double[1]}",
        "1 key with several records, 0 of them left as they are; 1 record removed",
    ]
    assert [(record.meta.record_id, record.data) for record in client.query_all(record_type="t")] == [(double[0], {"a": "new"})]
    assert repair().stdout == "0 keys with several records, 0 of them left as they are; 0 records removed\n"


def test_json_for_machines(repair, double):
    done = repair("--json")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"key": KEY, "kept": double[0], "removed": [double[1]], "rewritten": True, "error": None}
    ]


def test_what_cannot_be_repaired_is_told_and_the_rest_is_done(client, repair, double, server):
    for _ in range(2):
        client.write("t", {"a": "x"}, {ROW_KEY: OTHER})
    with server.database() as database:
        database.execute(text("UPDATE records SET data = replace(data, '.', '.AAAA') WHERE record_id = :id"), {"id": double[1]})
    done = repair()
    assert done.returncode == 1
    assert f"{KEY}: left as it is (EncodingError)" in done.stdout
    assert done.stdout.endswith("2 keys with several records, 1 of them left as they are; 1 record removed\n")
    assert len(list(client.query_all(record_type="t", data=False))) == 3
