"""`e3db-connectors dbt-sources`, on what the tap discovers."""

import json

import yaml

TEXT = {"type": ["string", "null"]}


def sources(run, catalog, *arguments):
    done = run("e3db-connectors", "dbt-sources", "-", *arguments, stdin=json.dumps(catalog))
    assert done.returncode == 0, done.stderr
    document = yaml.safe_load(done.stdout)
    assert document["version"] == 2
    return document["sources"][0]


def test_keys_are_tested_and_encrypted_columns_marked(run, plugins, messages):
    plugins.load(messages.schema("a/b", id=TEXT, name=TEXT), messages.record("a/b", id="1", name="one"))
    source = sources(run, plugins.discover(), "--schema", "raw")
    assert (source["name"], source["schema"]) == ("e3db", "raw")
    [table] = source["tables"]
    assert table["name"].startswith("a_b_")
    assert table["meta"] == {"record_type": "a/b"}
    columns = {column["name"]: column for column in table["columns"]}
    assert columns["_e3db_record_id"]["data_tests"] == ["unique", "not_null"]
    assert [name for name in columns if "data_tests" in columns[name]] == ["_e3db_record_id"]
    assert {"id", "name"} <= {name for name in columns if columns[name]["meta"]["encrypted"]}
    assert not any(columns[name]["meta"]["encrypted"] for name in columns if name.startswith("_e3db_"))


def test_what_is_not_selected_is_left_out(run, plugins, messages):
    plugins.load(messages.schema("t", id=TEXT, name=TEXT), messages.record("t", id="1", name="one"))
    catalog = plugins.discover()
    [stream] = catalog["streams"]
    for item in stream["metadata"]:
        if item["breadcrumb"] == ["properties", "name"]:
            item["metadata"]["selected"] = False
    [table] = sources(run, catalog)["tables"]
    names = [column["name"] for column in table["columns"]]
    assert "id" in names
    assert "name" not in names


def test_something_else_than_a_catalog_is_refused_in_one_line(run):
    for text in ("", "[]", '{"streams": [1]}', '{"streams": [{"stream": "a", "schema": {}}]}'):
        done = run("e3db-connectors", "dbt-sources", "-", stdin=text)
        assert done.returncode == 1
        assert done.stderr == "e3db-connectors: this is no catalog; make one by `tap-e3db --discover`\n"
