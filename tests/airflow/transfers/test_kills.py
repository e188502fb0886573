"""Transfers that are killed anywhere and tried again lose nothing and double nothing."""

import json

import pytest

from e3db_connectors.sync.writing import open_writer

ROWS, PAGE = 20, 6
COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


def points(steps, count):
    """So many steps of a run, evenly."""
    return sorted({1 + number * (steps - 1) // (count - 1) for number in range(count)})


def stages_left(any_warehouse):
    catalog = "SELECT name FROM sqlite_master" if any_warehouse.kind == "sqlite" else "SELECT table_name FROM information_schema.tables"
    return [name for (name,) in any_warehouse.query(catalog) if name.startswith(("_e3db_stage_", "_e3db_live_"))]


@pytest.mark.proof
def test_records_into_a_table(transfer, connected, any_warehouse, proof):
    rows = [{"id": number, "name": f"n{number}"} for number in range(ROWS)]
    open_writer(connected, "contact", COLUMNS, ["id"]).write(rows)
    expected = [(row["id"], row["name"]) for row in rows]
    options = {"record_type": "contact", "page_size": PAGE, "settle_seconds": 0, "lookback_seconds": 0, "detect_deletes": True}
    whole = [transfer("E3DBToSqlOperator", table=f"whole{number}", **options) for number in range(proof.size(1, 2))][-1].steps
    kills = 0
    for number in points(whole, proof.size(3, 50)):
        table = f"t{number}"
        kills += transfer("E3DBToSqlOperator", number, table=table, **options).killed
        transfer("E3DBToSqlOperator", table=table, **options)
        assert any_warehouse.rows(table, "id", "name") == expected, number
    assert stages_left(any_warehouse) == []
    assert kills >= proof.size(2, 48)
    proof.report(f"E3DBToSqlOperator, changes into {any_warehouse.name}", kills=kills)


@pytest.mark.proof
def test_a_window_into_a_table(transfer, connected, any_warehouse, proof):
    open_writer(connected, "contact", COLUMNS, ["id"]).write([{"id": number, "name": "n"} for number in range(ROWS)])
    expected = [(number,) for number in range(ROWS)]
    options = {"record_type": "contact", "page_size": 2, "since": "1970-01-01"}  # more steps
    whole = [transfer("E3DBToSqlOperator", table=f"whole{number}", **options) for number in range(proof.size(1, 2))][-1].steps
    kills = 0
    for number in points(whole, proof.size(3, 50)):
        table = f"t{number}"
        killed = transfer("E3DBToSqlOperator", number, table=table, **options).killed
        kills += killed
        if killed and any_warehouse.columns(table):
            assert any_warehouse.rows(table, "id") == [], "half a window"
        transfer("E3DBToSqlOperator", table=table, **options)
        assert any_warehouse.rows(table, "id") == expected, number
    assert stages_left(any_warehouse) == []
    assert kills >= proof.size(2, 48)
    proof.report(f"E3DBToSqlOperator, a window into {any_warehouse.name}", kills=kills)


@pytest.mark.proof
def test_a_table_into_records(transfer, connected, any_warehouse, proof):
    any_warehouse.query("CREATE TABLE people (id INTEGER, name TEXT, grows INTEGER)")
    for number in range(ROWS):
        any_warehouse.query(f"INSERT INTO people VALUES ({number}, 'n{number}', {number // 2})")  # noqa: S608
    options = {"table": "people", "key_columns": ["id"], "incremental_column": "grows", "batch_size": PAGE}
    whole = [transfer("SqlToE3DBOperator", record_type=f"whole{number}", **options) for number in range(proof.size(1, 2))][-1].steps
    kills = 0
    for number in points(whole, proof.size(3, 50)):
        record_type = f"t{number}"
        kills += transfer("SqlToE3DBOperator", number, record_type=record_type, **options).killed
        transfer("SqlToE3DBOperator", record_type=record_type, **options)
        found = sorted((int(each.data["id"]), each.data["name"]) for each in connected.query_all(record_type=record_type))
        assert found == [(row, f"n{row}") for row in range(ROWS)], number
    assert kills >= proof.size(2, 45)  # how many requests it takes differs a little from run to run
    proof.report(f"SqlToE3DBOperator from {any_warehouse.name}", kills=kills)


@pytest.mark.proof
def test_records_into_a_file(transfer, connected, tmp_path, proof):
    open_writer(connected, "contact", COLUMNS, ["id"]).write([{"id": number, "name": f"n{number}"} for number in range(ROWS)])
    options = {"record_type": "contact", "page_size": 1, "max_workers": 1}
    whole = [transfer("E3DBToObjectStorageOperator", path=f"file://{tmp_path}/whole.jsonl", **options) for _ in range(proof.size(1, 2))][
        -1
    ].steps
    expected = sorted((tmp_path / "whole.jsonl").read_text().splitlines())
    assert len(expected) == ROWS
    path, kills = tmp_path / "rows.jsonl", 0
    for number in points(whole, proof.size(3, 50)):
        path.write_text("before")
        kills += transfer("E3DBToObjectStorageOperator", number, path=f"file://{path}", **options).killed
        left = path.read_text()
        assert left == "before" or sorted(left.splitlines()) == expected, number
        transfer("E3DBToObjectStorageOperator", path=f"file://{path}", **options)
        assert sorted(path.read_text().splitlines()) == expected, number
    assert kills >= proof.size(2, 48)
    proof.report("E3DBToObjectStorageOperator", kills=kills)


@pytest.mark.proof
def test_a_file_into_records(transfer, connected, tmp_path, proof):
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": number, "name": f"n{number}"}) + "\n" for number in range(ROWS)))
    options = {"path": f"file://{path}", "key_columns": ["id"], "batch_size": 2}  # more steps
    whole = [transfer("ObjectStorageToE3DBOperator", record_type=f"whole{number}", **options) for number in range(proof.size(1, 2))][
        -1
    ].steps
    kills = 0
    for number in points(whole, proof.size(3, 50)):
        record_type = f"t{number}"
        kills += transfer("ObjectStorageToE3DBOperator", number, record_type=record_type, **options).killed
        transfer("ObjectStorageToE3DBOperator", record_type=record_type, **options)
        found = sorted((int(each.data["id"]), each.data["name"]) for each in connected.query_all(record_type=record_type))
        assert found == [(row, f"n{row}") for row in range(ROWS)], number
    assert kills >= proof.size(2, 45)
    proof.report("ObjectStorageToE3DBOperator", kills=kills)
