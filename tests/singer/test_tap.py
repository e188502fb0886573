"""tap-e3db: discovery, incremental reads, state and selection."""

import json

import pytest

INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}


@pytest.fixture
def loaded(plugins, messages):
    """Two streams of a client."""
    plugins.load(
        messages.schema("a", id=INTEGER, name=TEXT, secret=TEXT),
        *(messages.record("a", id=number, name=f"n{number}", secret="s") for number in range(30)),
        messages.schema("b", id=INTEGER),
        messages.record("b", id=1),
    )
    return plugins


def test_discovery_finds_types_and_columns_and_hides_what_is_internal(loaded):
    streams = {stream["stream"]: stream for stream in loaded.discover()["streams"]}
    assert sorted(streams) == ["a", "b"]
    a = streams["a"]
    assert a["key_properties"] == ["_e3db_record_id"]
    assert (a["replication_method"], a["replication_key"]) == ("INCREMENTAL", "_e3db_last_modified")
    inclusion = {item["breadcrumb"][1]: item["metadata"]["inclusion"] for item in a["metadata"] if item["breadcrumb"]}
    assert inclusion["_e3db_record_id"] == inclusion["_e3db_last_modified"] == "automatic"
    assert inclusion["name"] == "available"
    assert a["schema"]["properties"]["id"] == INTEGER


def test_a_second_run_moves_only_what_changed(loaded, messages):
    first = loaded.read()
    assert len(first.rows("a")) == 30
    again = loaded.read(state=first.state)
    assert again.of("RECORD") == []
    loaded.load(messages.schema("a", id=INTEGER, name=TEXT, secret=TEXT), messages.record("a", id=3, name="new", secret="s"))
    changed = loaded.read(state=again.state)
    assert [row["name"] for row in changed.data("a")] == ["new"]
    assert loaded.read(state=changed.state).of("RECORD") == []


def test_the_look_back_reads_again_and_does_not_move_the_bookmark_back(loaded):
    first = loaded.read()
    repeated = loaded.read(state=first.state, lookback_seconds=3600)
    assert len(repeated.of("RECORD")) == 31
    for stream in ("a", "b"):
        before, after = (output.state["bookmarks"][stream]["replication_key_value"] for output in (first, repeated))
        assert after >= before


def test_small_pages_give_the_same_rows(loaded):
    assert sorted(row["id"] for row in loaded.read(page_size=7).data("a")) == list(range(30))


def test_a_state_never_holds_anything_but_cursors(loaded):
    state = loaded.read().state
    assert set(state) == {"bookmarks"}
    for entry in state["bookmarks"].values():
        assert set(entry) == {"replication_key", "replication_key_value", "e3db"}
        assert set(entry["e3db"]) <= {"version", "scope", "seen", "writers"}


def test_deselected_columns_are_neither_sent_nor_decrypted(loaded):
    catalog = loaded.discover()
    for stream in catalog["streams"]:
        for item in stream["metadata"]:
            if item["breadcrumb"] == ["properties", "secret"]:
                item["metadata"]["selected"] = False
            elif not item["breadcrumb"]:
                item["metadata"]["selected"] = stream["stream"] == "a"
    output = loaded.read(catalog=catalog)
    assert {message["stream"] for message in output.of("RECORD")} == {"a"}
    assert all("secret" not in row for row in output.rows("a"))
    assert "60 fields decrypted, 30 left sealed" in output.stderr


def test_a_catalog_without_metadata_of_columns_selects_them_all(loaded):
    catalog = loaded.discover()
    for stream in catalog["streams"]:
        stream["metadata"] = [item for item in stream["metadata"] if not item["breadcrumb"]]
        stream["metadata"][0]["metadata"]["selected"] = True
    assert loaded.read(catalog=catalog).data("a")[0]["name"].startswith("n")


@pytest.mark.parametrize("settings", [{"page_size": None}, {"page_size": 1}, {"settle_seconds": 0.001, "lookback_seconds": 0.5}])
def test_unusual_settings_work(settings, loaded):
    assert len(loaded.read(**settings).rows("a")) == 30


def test_record_types_limit_the_streams(loaded):
    assert [stream["stream"] for stream in loaded.discover(record_types=["b"])["streams"]] == ["b"]


def test_an_earlier_start_date_than_the_states_is_refused_in_words(loaded, run):
    state = loaded.read(start_date="2020-01-01").state
    config = loaded.tap_config(start_date="2019-01-01")
    done = run("tap-e3db", "--config", config, "--state", loaded.config("state", **state))
    assert done.returncode != 0
    assert "2020-01-01" in done.stderr
    assert "begin anew without the state" in done.stderr


def test_start_date_leaves_out_what_is_older(loaded):
    assert loaded.read(start_date="2999-01-01T00:00:00Z").of("RECORD") == []


def test_records_of_other_programs_are_text_columns_without_any_decryption_at_discovery(plugins):
    plugins.client.write("contact", {"name": "x", "age": "7"}, {"city": "Porto"})
    [stream] = plugins.discover()["streams"]
    assert stream["schema"]["properties"]["age"] == TEXT
    [row] = plugins.read().rows("contact")
    assert (row["name"], row["age"], row["_e3db_plain"]) == ("x", "7", {"city": "Porto"})


def test_a_sample_size_of_zero_leaves_unknown_types_without_data_columns(plugins):
    plugins.client.write("contact", {"name": "x"})
    output = plugins.read(infer_schema_sample_size=0)
    assert output.data("contact") == [{}]
    assert "field name of contact is in no schema" in output.stderr


def test_schemas_of_the_settings_go_first(plugins):
    plugins.client.write("contact", {"name": "x", "age": "7"})
    assert plugins.read(schemas={"contact": {"age": INTEGER}}).data("contact") == [{"age": 7}]


def test_a_full_table_read_ignores_the_bookmark_and_keeps_it(loaded):
    state = loaded.read().state
    catalog = loaded.discover()
    for stream in catalog["streams"]:
        stream["replication_method"] = "FULL_TABLE"
        for item in stream["metadata"]:
            if not item["breadcrumb"]:
                item["metadata"].update({"selected": True, "forced-replication-method": "FULL_TABLE"})
    output = loaded.read(state=state, catalog=catalog)
    assert len(output.of("RECORD")) == 31
    assert output.state["bookmarks"]["a"]["replication_key_value"] == state["bookmarks"]["a"]["replication_key_value"]


def test_test_mode_gives_one_record_a_stream(loaded):
    output = loaded.read("--test")
    assert (len(output.rows("a")), len(output.rows("b"))) == (1, 1)


def test_stream_maps_apply(loaded):
    output = loaded.read(stream_maps={"a": {"name": "name.upper()", "secret": None}, "b": None})
    assert output.rows("a")[0]["name"].startswith("N")
    assert "secret" not in output.rows("a")[0]


def test_times_sort_as_texts(loaded):
    modified = [row["_e3db_last_modified"] for row in loaded.read().rows("a")]
    assert all(len(text) == 27 and text.endswith("Z") for text in modified)
    assert modified == sorted(modified)


@pytest.mark.parametrize("plugin", ["tap-e3db", "target-e3db"])
def test_about_names_every_setting_with_a_description(plugin, run):
    shown = run(plugin, "--about", "--format=json")
    settings = json.loads(shown.stdout)["settings"]["properties"]
    assert {"client_id", "api_secret", "private_key", "credentials_file", "profile"} <= set(settings)
    assert all(setting.get("description") for setting in settings.values())
    assert all(settings[name]["secret"] for name in ("api_secret", "private_key", "private_signing_key"))
    markdown = run(plugin, "--about", "--format=markdown").stdout
    assert all(f"| {name} |" in markdown for name in settings)


@pytest.mark.usefixtures("loaded")
def test_settings_can_come_from_the_environment(run, monkeypatch, client):
    for name, value in client.config().items():
        if name != "version" and value:
            monkeypatch.setenv(f"TAP_E3DB_{name.upper()}", value)
    assert '"stream":"a"' in run("tap-e3db", "--config", "ENV", "--discover").stdout
