"""What a transfer takes of memory does not grow with the number of rows; tried in full proofs alone, for its rows take a while."""

import json
import os
from types import SimpleNamespace

import pytest

from e3db_connectors.sync.writing import open_writer

pytestmark = [pytest.mark.proof, pytest.mark.skipif(os.environ.get("TEST_PROOF") != "full", reason="in `make proof` alone")]

FEW, SOME, MANY, ALLOWED = 5_000, 15_000, 50_000, 1.15
COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


def row_of(number):
    return {"id": number, "name": f"{number}" * 30}


@pytest.fixture(scope="module")
def records(server):
    """Few records of one type and many of another one; their client, and a time before which there were some of the many."""
    with server.register() as client:
        for record_type, count in (("few", FEW), ("many", MANY)):
            writer = open_writer(client, record_type, COLUMNS, ["id"])
            for at in range(0, count, 1_000):
                writer.write([row_of(number) for number in range(at, at + 1_000)])
                if at == SOME:
                    some_until = client.server_time()
        yield SimpleNamespace(client=client, some_until=str(some_until))


@pytest.fixture
def compare(transfer, proof):
    """Run a transfer with few rows and with many, and compare the most memory that each takes."""

    def run(what, operator, few, many, **options):
        peaks = [transfer(operator, **options, **each).peak for each in (few, many)]
        proof.report(f"memory of {what}, {MANY:,} rows over that of {FEW:,}", ratio=f"{peaks[1] / peaks[0]:.3f}", MiB=peaks[1] // 1024)
        assert peaks[1] <= ALLOWED * peaks[0]

    return run


@pytest.mark.parametrize("window", [{}, {"since": "1970-01-01"}], ids=["changes", "a window"])
def test_records_into_a_table(compare, records, connect, any_warehouse, window):
    if any_warehouse.name == "duckdb":
        pytest.skip("DuckDB is in the process, and takes what its memory_limit lets it")
    if window and any_warehouse.name == "sqlite":
        pytest.skip("a window for SQLite is held in memory")
    connect(records.client)
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
def test_records_into_a_file(compare, records, connect, tmp_path, ending):
    connect(records.client)
    few, many = ({"record_type": name, "path": f"file://{tmp_path}/{name}.{ending}"} for name in ("few", "many"))
    if ending == "parquet":  # of which groups of 10,000 rows are held
        few |= {"record_type": "many", "until": records.some_until}
    compare(f"E3DBToObjectStorageOperator, {ending}", "E3DBToObjectStorageOperator", few, many)


def test_a_file_into_records(compare, connected, tmp_path):
    for name, count in (("few", FEW), ("many", MANY)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row_of(number)) + "\n" for number in range(count)))
    few, many = ({"record_type": name, "path": f"file://{tmp_path}/{name}.jsonl"} for name in ("few", "many"))
    compare("ObjectStorageToE3DBOperator", "ObjectStorageToE3DBOperator", few, many, key_columns=["id"])
    assert sum(1 for _ in connected.query_all(record_type="many")) == MANY
