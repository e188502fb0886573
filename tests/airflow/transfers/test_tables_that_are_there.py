"""Loads into tables that are there already, with other settings, other fields or other rows than before."""

import json

import pytest
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.sync.names import slug
from e3db_connectors.sync.rows import META_COLUMNS
from e3db_connectors.sync.writing import open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}}


def write(client, rows):
    open_writer(client, "contact", COLUMNS, ["id"]).write(rows)


def test_a_table_that_has_been_dropped_is_loaded_anew(load, connected, warehouse):
    write(connected, [{"id": 1, "name": "Ada"}])
    assert load()["records"] == 1
    warehouse.query("DROP TABLE contact")
    assert "is gone" in load(since="2020-01-01", until="2020-01-02")["warnings"][0]  # makes the table, and loads nothing
    assert load()["records"] == 1
    assert load()["records"] == 0
    assert warehouse.rows("contact", "name") == [("Ada",)]


def test_other_columns_or_rules_are_warned_of_once(load, connected, sqlite, connect, capsys):
    write(connected, [{"id": 1, "name": "canary"}])
    rule = {"rule": "pseudonym", "column": "name"}
    connect({"conn_type": "generic", "password": "A" * 43}, "one")
    connect({"conn_type": "generic", "password": "B" * 43}, "another")
    steps = [
        {"columns": ["id"]},
        {"columns": ["id", "name"]},
        {"policy": {"rules": [{**rule, "record_type": "person"}], "default": "drop"}},
        {"policy": {"rules": [rule]}, "pseudonym_conn_id": "one"},
        {"policy": {"rules": [rule]}, "pseudonym_conn_id": "another"},
        {"policy": {"rules": [rule, {"rule": "drop", "column": "x", "record_type": "person"}]}, "pseudonym_conn_id": "another"},
    ]
    warned = [(len(load(**step)["warnings"]), load(**step)["warnings"]) for step in steps]
    assert warned == [(0, []), (1, []), (1, []), (1, []), (1, []), (0, [])]
    assert capsys.readouterr().out.count("[warning  ] columns, policy, unknown_fields or the key") == 4
    assert "canary" not in str(sqlite.query("SELECT state FROM _e3db_state"))


def test_the_warning_comes_again_until_a_run_has_ended(load, connected, sqlite):
    write(connected, [{"id": 1, "name": "Ada"}])
    load(columns=["name"])
    write(connected, [{"id": 2**80, "name": "Grace"}])
    with pytest.raises(AirflowFailException, match="too large"):
        load()
    [warning] = load(on_error="skip")["warnings"]
    assert "delete its row in _e3db_state" in warning
    sqlite.query("DELETE FROM _e3db_state")
    assert load(on_error="skip")["warnings"] == []
    assert sqlite.rows("contact", "id", "name") == [(1, "Ada")]


def test_a_state_without_notes_warns_of_nothing(load, connected, sqlite):
    write(connected, [{"id": 1, "name": "Ada"}])
    load()
    [(text,)] = sqlite.query("SELECT state FROM _e3db_state")
    state = json.loads(text)
    del state["table"]
    sqlite.query("UPDATE _e3db_state SET state = ?", (json.dumps(state),))
    assert load(columns=["id"])["warnings"] == []
    assert len(load()["warnings"]) == 1


def test_an_emptied_table_stays_empty_and_is_warned_of(load, connected, warehouse):
    assert [load()["warnings"], load()["warnings"]] == [[], []]  # there has been nothing yet
    write(connected, [{"id": 1, "name": "Ada"}])
    load()
    warehouse.query("DELETE FROM contact")
    [warning] = load()["warnings"]
    assert "the table contact is empty" in warning
    write(connected, [{"id": 2, "name": "Grace"}])
    load()
    assert (load()["warnings"], warehouse.rows("contact", "id")) == ([], [(2,)])


def test_fields_that_differ_in_case_alone_keep_their_columns(load, connected, warehouse):
    connected.write("contact", {"Name": "Ada"})
    load()
    connected.write("contact", {"Name": "Grace", "name": "grace"})
    load(columns=["name"])
    load(since="1970-01-01")
    connected.write("contact", {"name": "edith", "NAME": "EDITH"})
    load()
    values = {("Ada", None, None), ("Grace", "grace", None), (None, "edith", "EDITH")}
    assert set(warehouse.query(f'SELECT "Name", {slug("name")}, {slug("NAME")} FROM "contact"')) == values  # noqa: S608
    assert len(warehouse.columns("contact")) == len(META_COLUMNS) + 2 + len(values)
