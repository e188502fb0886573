"""The demo's own check: it has to see what a loader loses, doubles or changes."""

from decimal import Decimal

import duckdb
import pytest

from demo import warehouse
from demo.flights import TABLES, Table
from demo.processes import Failed

TABLE = Table("things", ("id",), {"id": int, "price": Decimal, "name": str})
ROWS = [{"id": 1, "price": Decimal("10.357019999999999"), "name": "a"}, {"id": 2, "price": None, "name": ""}]


@pytest.fixture
def loaded(tmp_path):
    path = tmp_path / "w.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE TABLE things (id BIGINT, price DOUBLE, name VARCHAR)")
        database.executemany("INSERT INTO things VALUES (?, ?, ?)", [(1, 10.357019999999999, "a"), (2, None, "")])
    return path


def change(path, statement):
    with duckdb.connect(str(path)) as database:
        database.execute(statement)


def test_equal_rows_are_counted(loaded):
    assert warehouse.check(loaded, TABLE, ROWS) == 2


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("DELETE FROM things WHERE id = 1", r"row \(1,\) is missing"),
        ("INSERT INTO things VALUES (2, NULL, '')", "1 rows are doubled"),
        ("INSERT INTO things VALUES (3, NULL, '')", r"row \(3,\) is in no source"),
        ("UPDATE things SET price = 10.35702 WHERE id = 1", r"price of row \(1,\)"),
        ("UPDATE things SET name = NULL WHERE id = 2", r"name of row \(2,\) is None instead of ''"),
        ("UPDATE things SET price = 0 WHERE id = 2", r"price of row \(2,\)"),
    ],
)
def test_every_kind_of_damage_is_found(statement, complaint, loaded):
    change(loaded, statement)
    with pytest.raises(Failed, match=complaint):
        warehouse.check(loaded, TABLE, ROWS)


def test_the_source_has_its_rows_and_its_keys_are_keys():
    sizes = {}
    for table in TABLES:
        rows = table.read()
        assert len({table.key_of(row) for row in rows}) == len(rows)
        sizes[table.name] = len(rows)
    assert sizes == {"airports": 1458, "planes": 3322, "weather": 26115}
