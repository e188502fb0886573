"""Records as objects, and back."""

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import fsspec
import pyarrow.parquet
import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach

from e3db_connectors.airflow.transfers.e3db_to_object_storage import E3DBToObjectStorageOperator
from e3db_connectors.airflow.transfers.object_storage_to_e3db import ObjectStorageToE3DBOperator
from e3db_connectors.airflow.transfers.reading import Reading
from e3db_connectors.sync import read_pages
from e3db_connectors.sync.names import slug
from e3db_connectors.sync.writing import open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}, "n": {"type": ["number", "null"]}}
ROWS = [{"id": 1, "name": 'A"da,', "n": Decimal("1.50")}, {"id": 2, "name": None, "n": None}, {"id": 3, "name": "ü\n", "n": 7}]


@pytest.fixture(params=["file", "memory"])
def place(request, tmp_path):
    """A folder of a storage."""
    if request.param == "file":
        return f"file://{tmp_path}/deep/er"
    attach("memory", fs=fsspec.filesystem("memory"))  # as a provider's storage
    return f"memory://{tmp_path.name}"


@pytest.fixture
def clock(monkeypatch):
    """The server's clock goes on ten seconds at each look, so that no test has to wait for the end of a window."""
    looks = count()
    monkeypatch.setattr(
        "e3db_connectors.client.Client.server_time",
        lambda _: datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=10 * next(looks)),
    )


@pytest.fixture
def export(connected, context, clock):  # noqa: ARG001
    open_writer(connected, "contact", COLUMNS, ["id"]).write(ROWS)

    def run(path, **options):
        return E3DBToObjectStorageOperator(task_id="export", path=path, **{"record_type": "contact", **options}).execute(context)

    return run


@pytest.fixture
def take(connected, context):  # noqa: ARG001 - the connection has to be there
    def run(path, **options):
        options = {"record_type": "copy", "key_columns": ["id"], **options}
        return ObjectStorageToE3DBOperator(task_id="take", path=path, **options).execute(context)

    return run


def content(path):
    with fsspec.open(path, "rb") as file:
        return file.read()


def exists(path):
    filesystem, name = fsspec.core.url_to_fs(path)
    return filesystem.exists(name)


def test_columns_that_are_none_are_warned_of(export, connected, tmp_path):
    connected.write("people", {"Name": "Ada", "name": "ada"})
    path = str(tmp_path / "people.jsonl")
    [warning] = export(path, record_type="people", columns=["Name", "nmae", "name", "_e3db_version"])["warnings"]
    assert warning.endswith(f"Name (its column is called {slug('Name')}), nmae")
    assert export(path, record_type="people", columns=["name", "_extra"])["warnings"] == []
    assert export(path, record_type="nobody", columns=["name"])["warnings"] == []


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_there_and_back(export, take, connected, place, ending):
    path = f"{place}/contacts.{ending}"
    manifest = export(path)
    assert (manifest["records"], manifest["path"]) == (3, path)
    schemas = {"id": COLUMNS["id"], "n": COLUMNS["n"]}
    assert take(path, column_schemas=schemas)["created"] == 3
    assert take(path, column_schemas=schemas, batch_size=2)["unchanged"] == 3
    rows = [row for page in read_pages(connected, "copy") for row in page.rows]
    found = sorted(({name: row[name] for name in COLUMNS} for row in rows), key=lambda row: row["id"])
    assert found == ROWS


def test_only_a_window_and_some_columns(export, connected, place):
    time.sleep(0.01)  # windows begin with a whole millisecond
    connected.write("contact", {"id": "4", "name": "new"})
    newest = max(record.meta.last_modified for record in connected.query_all(record_type="contact"))
    manifest = export(f"{place}/x.jsonl", since=newest, columns=["id"])
    assert (manifest["records"], manifest["fields_decrypted"], manifest["fields_untouched"]) == (1, 1, 1)
    assert export(f"{place}/x.jsonl", columns=["id"])["fields_untouched"] == 5
    assert b"name" not in content(f"{place}/x.jsonl")


def test_windows_that_meet_have_no_record_in_common(export, connected, tmp_path):
    modified = sorted(record.meta.last_modified for record in connected.query_all(record_type="contact"))
    for name, bounds in {
        "a": {"until": modified[1]},
        "b": {"since": modified[1], "until": modified[2]},
        "c": {"since": modified[2]},
    }.items():
        export(f"{tmp_path}/{name}.jsonl", settle_seconds=0, **bounds)
    found = [[json.loads(line)["_e3db_last_modified"] for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()] for name in "abc"]
    assert found == [[time] for time in modified]


def test_what_is_changed_meanwhile_is_not_there_twice(export, connected, tmp_path, monkeypatch):
    pages = Reading.pages

    def changed_meanwhile(self, *arguments, **options):
        for page in pages(self, *arguments, **options):
            yield page
            for record in connected.query_all(record_type="contact"):
                connected.update(record)

    monkeypatch.setattr(Reading, "pages", changed_meanwhile)
    monkeypatch.setattr("e3db_connectors.airflow.transfers.e3db_to_object_storage._CLOCK_STEP", timedelta(seconds=0.1))
    time.sleep(1)
    export(f"{tmp_path}/x.jsonl")
    ids = [json.loads(line)["_e3db_record_id"] for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert len(ids) == len(set(ids)) == 3


def test_a_number_that_a_format_cannot_hold(export, connected, tmp_path):
    open_writer(connected, "contact", COLUMNS, ["id"]).write([{"id": 2**63, "name": "canary", "n": None}])
    path, letters = tmp_path / "x.parquet", tmp_path / "letters"
    with pytest.raises(AirflowFailException, match="too large for Parquet"):
        export(str(path))
    done = export(path, on_error="dead_letter", dead_letter_file=str(letters))
    assert (done["records"], done["errors"], done["path"]) == (3, {"ValueMismatch": 1}, str(path))
    assert sorted(pyarrow.parquet.read_table(path)["id"].to_pylist()) == [1, 2, 3]
    [letter] = letters.read_text().splitlines()
    assert json.loads(letter)["error"] == "ValueMismatch"


@pytest.mark.parametrize("path", ["", None, 1])
def test_a_path_that_is_none(export, path):
    with pytest.raises(AirflowFailException, match="a path or an address is needed"):
        export(path)


def test_what_is_there_stays_when_a_task_fails(export, connected, place):
    path = f"{place}/x.jsonl"
    export(path)
    before = content(path)
    open_writer(connected, "contact", {**COLUMNS, "id": {"type": "string"}}, ["id"]).write([{"id": "none", "name": "canary"}])
    with pytest.raises(AirflowFailException):
        export(path, policy={"rules": [{"rule": "drop", "column": "nope"}]})
    with pytest.raises(AirflowFailException, match="exists already"):
        export(path, overwrite=False)
    assert content(path) == before


@pytest.mark.parametrize(("name", "value"), [("policy", ""), ("policy", None), ("policy", {}), ("policy", "None"), ("columns", None)])
def test_what_renders_to_nothing_decrypts_nothing(connected, context, tmp_path, name, value):
    connected.write("contact", {"name": "canary"})
    path = tmp_path / "x.jsonl"
    task = E3DBToObjectStorageOperator(task_id="export", record_type="contact", path=str(path), **{name: "{{ nothing }}"})
    setattr(task, name, value)  # as a template renders it
    with pytest.raises(AirflowFailException, match=f"{name} is empty"):
        task.execute(context)
    assert not path.exists()


@pytest.mark.parametrize("conn_id", ["no_password", ""])
def test_a_key_secret_that_is_not_there(connected, connect, take, tmp_path, conn_id):
    connect({"conn_type": "generic"}, "no_password")
    (tmp_path / "x.jsonl").write_text('{"id": 1}')
    with pytest.raises(AirflowFailException, match="has no password"):
        take(f"file://{tmp_path}/x.jsonl", key_secret_conn_id=conn_id)
    assert connected.query(record_type="copy", data=False).records == []


def test_an_object_that_breaks_off_is_not_there(export, connected, place, monkeypatch):
    path = f"{place}/x.jsonl"

    def broken(*_arguments, **_options):
        yield next(iter(read_pages(connected, "contact")))
        raise OSError("a disk")

    monkeypatch.setattr("e3db_connectors.airflow.transfers.reading.Reading.pages", broken)
    with pytest.raises(Exception, match=r"disk|write"):
        export(path)
    assert not exists(path)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("x.jsonl", '{"id": 1}\nno canary', "line 2 is no JSON object"),
        ("x.csv", "id,name\n1\n", "line 2 has not as many cells"),
        ("x.csv", 'id,name\n1,"canary', "is no CSV"),
        ("x.jsonl", '{"name": "canary"}', "no column id"),
        ("x.txt", "", "must end in"),
        ("x.parquet", "canary", "is no Parquet"),
    ],
)
def test_what_cannot_be_taken(take, tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(AirflowFailException, match=words) as raised:
        take(f"file://{tmp_path}/{name}")
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_batch_without_a_value_of_a_plain_column(take, connected, tmp_path, ending):
    path, rows = tmp_path / f"x.{ending}", [{"id": "1", "shop": None}, {"id": "2", "shop": "north"}]
    if ending == "csv":
        path.write_text("id,shop\n1,\n2,north\n")
    elif ending == "jsonl":
        path.write_text('{"id": "1"}\n{"id": "2", "shop": "north"}\n')
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert take(path, plain_columns=["shop"], batch_size=1)["created"] == 2
    assert sorted(record.meta.plain.get("shop", "") for record in connected.query_all(record_type="copy", data=False)) == ["", "north"]


def test_a_long_cell(take, connected, tmp_path):
    (tmp_path / "x.csv").write_text(f"id,text\n1,{'x' * 200_000}\n")
    assert take(tmp_path / "x.csv")["created"] == 1
    assert [len(record.data["text"]) for record in connected.query_all(record_type="copy")] == [200_000]


def test_a_cell_of_another_type(take, connected, tmp_path):
    (tmp_path / "x.csv").write_text("id,n\n1,2\n2,canary\n3,true\n4,5\n")
    options = {"column_schemas": {"n": {"type": "integer"}}}
    with pytest.raises(AirflowFailException, match="line 3, column n") as raised:
        take(tmp_path / "x.csv", **options)
    assert "canary" not in str(raised.value)
    letters = tmp_path / "letters"
    done = take(tmp_path / "x.csv", on_error="dead_letter", dead_letter_file=str(letters), **options)
    assert (done["created"], done["failed"], done["records"]) == (2, 2, 4)
    assert len(letters.read_text().splitlines()) == 2
    assert {record.data["id"] for record in connected.query_all(record_type="copy")} == {"1", "4"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"column_schemas": "{'n': {}}"}, "JSON Schemas"),
        ({"key_columns": None}, "key_columns is empty"),
        ({"plain_columns": "n"}, "plain_columns is a list"),
    ],
)
def test_arguments_that_render_to_something_else(take, tmp_path, options, words):
    (tmp_path / "x.jsonl").write_text('{"id": 1}')
    with pytest.raises(AirflowFailException, match=words):
        take(tmp_path / "x.jsonl", **options)


def test_an_export_goes_where_it_came_from(export, place):
    path = f"{place}/x.jsonl"
    export(path)
    assert json.loads(content(path).splitlines()[0])["_e3db_record_id"]
