"""tap(target(rows)) == rows, through processes, encryption and a real server."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

INTEGER = {"type": ["integer", "null"]}
TEXT = {"type": ["string", "null"]}
OBJECT = {"type": ["object", "null"]}
ANY = {}


def test_every_kind_of_value_comes_back_as_it_was(plugins, messages):
    rows = [
        {"id": 1, "flag": True, "text": "", "nested": {}, "any": "text", "list": []},
        {"id": 2, "flag": False, "text": 'é\n"日本"\u0000', "nested": {"a": [1, {"b": None}]}, "any": 7, "list": [None, "x", [2]]},
        {"id": 12345678901234567890123456789, "flag": None, "text": "x" * 100_000, "nested": None, "any": [True], "list": None},
        {"id": -1, "flag": None, "text": "null", "nested": None, "any": "7", "list": None},
    ]
    schema = messages.schema(
        "things", id=INTEGER, flag={"type": ["boolean", "null"]}, text=TEXT, nested=OBJECT, any=ANY, list={"type": ["array", "null"]}
    )
    assert plugins.load(schema, *(messages.record("things", **row) for row in rows)).returncode == 0
    by_id = {row["id"]: row for row in plugins.read().data("things")}
    assert by_id == {row["id"]: row for row in rows}


@pytest.mark.parametrize("literal", ["1.10", "100000000000000000000.000000000000000001", "1E+400", "-0.0"])
def test_decimals_keep_their_digits_on_the_wire(literal, plugins, messages, run):
    schema = messages.schema("prices", id=INTEGER, price={"type": ["number", "null"]})
    assert plugins.load(schema).returncode == 0
    text = f'{{"type": "RECORD", "stream": "prices", "record": {{"id": 1, "price": {literal}}}}}\n'
    done = run("target-e3db", "--config", plugins.target_config(), stdin=json.dumps(schema) + "\n" + text)
    assert done.returncode == 0, done.stderr
    plugins.settle()
    shown = run("tap-e3db", "--config", plugins.tap_config()).stdout
    assert f'"price":{literal}' in shown


def test_absent_columns_read_as_null(plugins, messages):
    plugins.load(messages.schema("t", id=INTEGER, a=TEXT), messages.record("t", id=1))
    assert plugins.read().data("t") == [{"id": 1, "a": None}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.tuples(st.text(), JSON), min_size=20, max_size=20))
def test_arbitrary_values_come_back(plugins, messages, values):
    rows = [{"id": number, "text": text, "any": value} for number, (text, value) in enumerate(values)]
    done = plugins.load(messages.schema("t", id=INTEGER, text=TEXT, any=ANY), *(messages.record("t", **row) for row in rows))
    assert done.returncode == 0, done.stderr
    read = {row["id"]: row for row in plugins.read().data("t")}
    assert read == {row["id"]: row for row in rows}


def test_an_old_row_stays_readable_after_its_column_changed_type(plugins, messages):
    plugins.load(messages.schema("t", id=INTEGER, a=INTEGER), messages.record("t", id=1, a=7))
    plugins.load(messages.schema("t", id=INTEGER, a=TEXT), messages.record("t", id=2, a="seven"))
    output = plugins.read()
    assert sorted(row["a"] for row in output.data("t")) == ["7", "seven"]
    assert "column a of t has been written with different types" in output.stderr


def test_names_that_loaders_would_fold_or_split_are_renamed(plugins, messages):
    plugins.load(messages.schema("a/b", id=INTEGER, ID=INTEGER, _sdc_x=INTEGER), messages.record("a/b", id=1, ID=2, _sdc_x=3))
    [stream] = plugins.discover()["streams"]
    root = next(item["metadata"] for item in stream["metadata"] if item["breadcrumb"] == [])
    assert stream["stream"].startswith("a_b_")
    assert root["e3db-record-type"] == "a/b"
    [row] = plugins.read().data(stream["stream"])
    assert row["id"] == 1
    assert sorted(row.values()) == [1, 2, 3]
    assert len({name.lower() for name in row}) == 3
