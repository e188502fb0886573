"""What a transfer takes of memory does not grow with the number of rows; tried in full proofs alone, for its rows take a while."""

import json
import os

import pytest

from e3db_connectors.sync.writing import open_writer

pytestmark = [pytest.mark.proof, pytest.mark.skipif(os.environ.get("TEST_PROOF") != "full", reason="in `make proof` alone")]

FEW, MANY, ALLOWED = 5_000, 50_000, 1.15
COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


def row_of(number):
    return {"id": number, "name": f"{number}" * 30}


@pytest.fixture(scope="module")
def owner(server):
    """A client with few records of one type and many of another one."""
    with server.register() as client:
        for record_type, count in (("few", FEW), ("many", MANY)):
            writer = open_writer(client, record_type, COLUMNS, ["id"])
            for at in range(0, count, 1_000):
                writer.write([row_of(number) for number in range(at, at + 1_000)])
        yield client


@pytest.fixture
def compare(transfer, proof):
    """Run a transfer with few rows and with many, and compare the most memory that each takes."""

    def run(what, operator, few, many, **options):
        peaks = [transfer(operator, **options, **each).peak for each in (few, many)]
        proof.report(f"memory of {what}, {MANY:,} rows over that of {FEW:,}", ratio=f"{peaks[1] / peaks[0]:.3f}", MiB=peaks[1] // 1024)
        assert peaks[1] <= ALLOWED * peaks[0]

    return run


@pytest.mark.parametrize("window", [{}, {"since": "1970-01-01"}], ids=["changes", "a window"])
def test_records_into_a_table(compare, owner, connect, any_warehouse, window):
    if any_warehouse.name == "duckdb":
        pytest.skip("DuckDB is in the process, and takes what its memory_limit lets it")
    if window and any_warehouse.name == "sqlite":
        pytest.skip("a window for SQLite is held in memory")
    connect(owner)
    what = f"E3DBToSqlOperator into {any_warehouse.name}, {'a window' if window else 'changes'}"
    compare(what, "E3DBToSqlOperator", {"record_type": "few"}, {"record_type": "many"}, **window)
    assert any_warehouse.query("SELECT COUNT(*) FROM many") == [(MANY,)]


def test_a_table_into_records(compare, connected, any_warehouse):
    places = {}
    for table, count in (("few", FEW), ("many", MANY)):
        any_warehouse.query(f"CREATE TABLE {table} (id INTEGER, name TEXT)")
        values = [
            ", ".join(f"({row['id']}, '{row['name']}')" for row in map(row_of, range(at, at + 1_000))) for at in range(0, count, 1_000)
        ]
        any_warehouse.query(f"INSERT INTO {table} VALUES {', '.join(values)}")  # noqa: S608
        places[table] = {"table": table, "record_type": table}
    compare(f"SqlToE3DBOperator from {any_warehouse.name}", "SqlToE3DBOperator", places["few"], places["many"], key_columns=["id"])
    assert sum(1 for _ in connected.query_all(record_type="many")) == MANY


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_records_into_a_file(compare, owner, connect, tmp_path, ending):
    connect(owner)
    few, many = ({"record_type": name, "path": f"file://{tmp_path}/{name}.{ending}"} for name in ("few", "many"))
    compare(f"E3DBToObjectStorageOperator, {ending}", "E3DBToObjectStorageOperator", few, many)


def test_a_file_into_records(compare, connected, tmp_path):
    for name, count in (("few", FEW), ("many", MANY)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row_of(number)) + "\n" for number in range(count)))
    few, many = ({"record_type": name, "path": f"file://{tmp_path}/{name}.jsonl"} for name in ("few", "many"))
    compare("ObjectStorageToE3DBOperator", "ObjectStorageToE3DBOperator", few, many, key_columns=["id"])
    assert sum(1 for _ in connected.query_all(record_type="many")) == MANY
