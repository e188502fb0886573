"""What OpenLineage is told of a transfer: in its own classes, names and types alone."""

from urllib.parse import quote

import pytest
from openlineage.client.serde import Serde

from e3db_connectors.airflow.assets import asset_of
from e3db_connectors.airflow.transfers.e3db_to_object_storage import E3DBToObjectStorageOperator
from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator
from e3db_connectors.airflow.transfers.object_storage_to_e3db import ObjectStorageToE3DBOperator
from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator
from e3db_connectors.sync.writing import open_writer

COLUMNS = {name: {"type": ["string", "null"]} for name in ("id", "name", "mail", "phone", "note", "shop", "diary")} | {
    "n": {"type": ["integer", "null"]}
}
POLICY = {
    "rules": [
        {"rule": "pseudonym", "column": "mail"},
        {"rule": "mask", "column": "phone"},
        {"rule": "ciphertext", "column": "note"},
        {"rule": "constant", "column": "shop", "value": "canary-constant"},
        {"rule": "drop", "column": "diary"},
    ]
}
SECRET = "p7" * 24


@pytest.fixture(autouse=True)
def _records(connected, connect):
    open_writer(connected, "contact", COLUMNS, ["id"]).write([{name: None if name == "n" else "canary-" + name for name in COLUMNS}])
    connect({"conn_type": "generic", "password": SECRET}, "pseudonyms")


@pytest.fixture
def told(connected, context):
    """What OpenLineage is told after a transfer, as it sends it: the side of the records, and the other one."""

    def run(operator):
        operator.execute(context)
        lineage = operator.get_openlineage_facets_on_complete(None)
        sent = "".join(map(Serde.to_json, lineage.inputs + lineage.outputs))
        assert "canary" not in sent.replace("canary.jsonl", "")
        assert SECRET not in sent
        sides = lineage.outputs, lineage.inputs
        records, others = sides if operator.writes_records else sides[::-1]
        [records] = records
        assert f"{records.namespace}/{records.name}" == asset_of(connected, operator.record_type).uri
        return records, others

    return run


def described(dataset):
    return {field.name: field.description for field in dataset.facets["schema"].fields}


def typed(dataset):
    return {field.name: field.type for field in dataset.facets["schema"].fields}


def masked(dataset):
    return {
        column: (each.transformationType, each.transformationDescription, [origin.field for origin in each.inputFields])
        for column, each in dataset.facets["columnLineage"].fields.items()
    }


def test_what_was_decrypted(told, warehouse):
    loading = {"record_type": "contact", "policy": POLICY, "pseudonym_conn_id": "pseudonyms"}
    records, [table] = told(E3DBToSqlOperator(task_id="load", sql_conn_id="warehouse", table="people", **loading))
    assert described(records) == {
        "id": "decrypted",
        "n": "decrypted",
        "name": "decrypted",
        "mail": "pseudonymised",
        "phone": "decrypted",
        "note": "passed_through",
        "shop": "untouched",
        "diary": "untouched",
    }
    there = described(table)
    assert {name: there[name] for name in ("_e3db_record_id", "mail", "shop")} == {
        "_e3db_record_id": "clear",
        "mail": "pseudonymised",
        "shop": "constant",
    }
    assert typed(table)["n"] == "integer"
    assert masked(table) == {
        "id": ("IDENTITY", "decrypted", ["id"]),
        "n": ("IDENTITY", "decrypted", ["n"]),
        "name": ("IDENTITY", "decrypted", ["name"]),
        "mail": ("MASKED", "pseudonym", ["mail"]),
        "phone": ("MASKED", "mask", ["phone"]),
        "note": ("MASKED", "ciphertext", ["note"]),
    }
    address = warehouse.connection
    expected = {
        "postgres": (f"postgres://{quote(address['host'], safe='')}:5432", f"{address.get('schema')}.public.people"),
        "duckdb": (f"duckdb://{address['host']}", "main.people"),
        "sqlite": (f"sqlite://{address['host']}", "main.people"),
    }
    assert (table.namespace, table.name) == expected[warehouse.kind]


def test_what_was_encrypted(told, sqlite):
    sqlite.query("CREATE TABLE people (id BIGINT, name TEXT)")
    sqlite.query("INSERT INTO people VALUES (1, 'canary')")
    writing = {"task_id": "write", "record_type": "person", "sql_conn_id": "warehouse", "key_columns": ["id"], "plain_columns": ["name"]}
    records, [table] = told(SqlToE3DBOperator(table="people", **writing))
    assert table.name == "main.people"
    assert described(records) == {"id": "encrypted", "name": "encrypted, and in clear beside it"}
    assert typed(table) == {"id": "integer", "name": "string"}
    assert masked(records)["id"] == ("IDENTITY", "encrypted", ["id"])
    sqlite.query("CREATE TABLE other (id BIGINT)")
    _, tables = told(SqlToE3DBOperator(sql="SELECT p.* FROM people p LEFT JOIN other o USING (id) WHERE name = 'canary'", **writing))
    assert [(each.name, each.facets) for each in tables] == [("main.other", {}), ("main.people", {})]


def test_files(told, tmp_path):
    path = f"file://{tmp_path}/canary.jsonl"
    _, [file] = told(E3DBToObjectStorageOperator(task_id="export", record_type="contact", path=path, columns=["id"], settle_seconds=0))
    assert (file.namespace, file.name) == ("file", f"{tmp_path}/canary.jsonl")
    assert masked(file) == {"id": ("IDENTITY", "decrypted", ["id"])}
    _, [again] = told(ObjectStorageToE3DBOperator(task_id="take", record_type="copy", path=path, key_columns=["id"]))
    assert (again.namespace, again.name) == (file.namespace, file.name)
    assert typed(again) == {"id": "string"}


def test_nothing_is_told_where_nothing_was_done_or_nobody_listens(context, tmp_path, monkeypatch):
    operator = E3DBToObjectStorageOperator(task_id="export", record_type="contact", path=f"{tmp_path}/x.jsonl", settle_seconds=0)
    assert operator.get_openlineage_facets_on_complete(None) is None
    operator.execute(context)
    monkeypatch.setattr("e3db_connectors.airflow.transfers.base.find_spec", lambda _: None)
    assert operator.get_openlineage_facets_on_complete(None) is None
