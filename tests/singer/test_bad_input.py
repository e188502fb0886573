"""Users' mistakes: one line that says what is wrong, exit code 1, no traceback, no secret."""

import json

import pytest
from sqlalchemy import text as sql

SECRET = "c2VjcmV0LXZhbHVl"


def complaint(done):
    """The last line of stderr, which must be the only one besides the log of the SDK."""
    lines = [line for line in done.stderr.splitlines() if "| INFO " not in line and "Error initializing target sink" not in line]
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert len(lines) == 1, done.stderr
    return lines[0]


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.mark.parametrize("plugin", ["tap-e3db", "target-e3db"])
class TestBothPlugins:
    def test_no_credentials(self, plugin, run, messages):
        stdin = json.dumps(messages.schema("t", id={"type": "integer"}))
        assert "no credentials: set them" in complaint(run(plugin, stdin=stdin))

    def test_half_credentials(self, plugin, run, tmp_path, messages):
        config = write(tmp_path / "c.json", {"api_secret": SECRET, "client_id": "x"})
        done = run(plugin, "--config", config, stdin=json.dumps(messages.schema("t", id={"type": "integer"})))
        assert f"settings of {plugin}: api_key_id, public_key, private_key missing" in complaint(done)

    def test_an_unknown_setting(self, plugin, run, tmp_path):
        assert "'colour' was unexpected" in complaint(run(plugin, "--config", write(tmp_path / "c.json", {"colour": 1})))

    def test_a_secret_of_the_wrong_type(self, plugin, run, tmp_path):
        config = write(tmp_path / "c.json", {"api_secret": [SECRET]})
        assert "setting api_secret: it must be text" in complaint(run(plugin, "--config", config))

    @pytest.mark.parametrize("text", ["{", "", "no json"])
    def test_a_config_that_is_no_json(self, plugin, text, run, tmp_path):
        assert "is no JSON" in complaint(run(plugin, "--config", write(tmp_path / "c.json", text)))

    @pytest.mark.parametrize("text", ["[]", "7", '"x"', "null"])
    def test_a_config_that_is_no_object(self, plugin, text, run, tmp_path):
        assert "must hold a JSON object" in complaint(run(plugin, "--config", write(tmp_path / "c.json", text)))

    @pytest.mark.parametrize(
        ("settings", "expected"),
        [
            ({"credentials_file": "~nobody-of-this-name/x"}, "no home folder"),
            ({"credentials_file": "x\0y"}, "cannot read the credentials file"),
            (
                {
                    "client_id": "x",
                    "api_key_id": "x",
                    "api_secret": "x",
                    "public_key": "x",
                    "private_key": "x",
                    "api_url": "http://u:" + SECRET + "@h",
                },
                "client_id is no UUID",
            ),
        ],
    )
    def test_settings_that_lead_nowhere(self, plugin, settings, expected, run, tmp_path, messages):
        stdin = json.dumps(messages.schema("t", id={"type": "integer"}))
        assert expected in complaint(run(plugin, "--config", write(tmp_path / "c.json", settings), stdin=stdin))

    def test_a_missing_config_file(self, plugin, run):
        assert "nowhere.json" in complaint(run(plugin, "--config", "nowhere.json"))

    def test_a_config_file_whose_name_cannot_be(self, plugin, run):
        assert "cannot read the config file" in complaint(run(plugin, "--config", "x" * 300 + ".json"))

    def test_a_missing_credentials_file(self, plugin, run, tmp_path, messages):
        config = write(tmp_path / "c.json", {"credentials_file": str(tmp_path / "none.json")})
        done = run(plugin, "--config", config, stdin=json.dumps(messages.schema("t", id={"type": "integer"})))
        assert "there is no credentials file" in complaint(done)


STATES = {
    "no JSON": ("{", "is no JSON"),
    "a list": ("[1]", "the state must be a JSON object"),
    "a number": ("7", "the state must be a JSON object"),
    "bookmarks of a list": ('{"bookmarks": []}', "the state must be a JSON object"),
    "a bookmark that is no object": ('{"bookmarks": {"t": 7}}', "the state must be a JSON object"),
    "a bookmark that is no time": ('{"bookmarks": {"t": {"replication_key_value": "soon"}}}', "'soon' is no time"),
}


@pytest.mark.parametrize("case", STATES)
def test_a_malformed_state(case, run, tmp_path, plugins):
    text, expected = STATES[case]
    done = run("tap-e3db", "--config", plugins.tap_config(), "--state", write(tmp_path / "state.json", text))
    assert expected in complaint(done)


@pytest.mark.parametrize("text", ["{", "[]", '{"streams": 7}', '{"streams": [{}]}'])
def test_a_malformed_catalog(text, run, tmp_path, plugins):
    assert complaint(run("tap-e3db", "--config", plugins.tap_config(), "--catalog", write(tmp_path / "catalog.json", text)))


def test_an_unreachable_server(run, tmp_path, client):
    config = write(
        tmp_path / "c.json",
        {name: value for name, value in client.config().items() if value and name != "version"} | {"api_url": "http://127.0.0.1:9"},
    )
    assert "cannot reach http://127.0.0.1:9" in complaint(run("tap-e3db", "--config", config))


def test_a_wrong_api_secret(run, tmp_path, client):
    values = {name: value for name, value in client.config().items() if value and name != "version"} | {"api_secret": SECRET}
    assert "HTTP 401" in complaint(run("tap-e3db", "--config", write(tmp_path / "c.json", values)))


def test_a_record_that_our_key_does_not_open(run, plugins, client, server):
    """A field that somebody exchanged in the server's database."""
    record = client.write("t", {"a": "x"})
    quad = "A" * 64 + "." + "A" * 32 + "." + "A" * 24 + "." + "A" * 32
    with server.database() as database:
        damage = sql("UPDATE records SET data = :data WHERE record_id = :id")
        database.execute(damage, {"data": json.dumps({"a": quad}), "id": record.meta.record_id})
    plugins.settle()
    done = run("tap-e3db", "--config", plugins.tap_config())
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"tap-e3db: record {record.meta.record_id}, field a: cipher text does not open" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "line",
    [
        "garbage " + SECRET,
        "[1]",
        '{"no": "type"}',
        f'{{"type": "RECORD", "record": {{"a": "{SECRET}"}}}}',
        f'{{"type": "RECORD", "stream": "t", "record": {{"a": "{SECRET}"}}}}',
        '{"type": "SCHEMA", "stream": "t"}',
        '{"type": "SCHEMA", "stream": "t", "schema": {"properties": {"a": {"type": "nonsense"}}}, "key_properties": []}',
        '{"type": "SCHEMA", "stream": "t", "schema": 7, "key_properties": []}',
        '{"type": "SCHEMA", "stream": "t\\ud800", "schema": {"properties": {"a": {}}}, "key_properties": []}',
        '{"type": "WHAT"}',
        '{"type": ["x"]}',
        '{"type": "RECORD", "stream": ["t"], "record": {}}',
        '{"type": "RECORD", "stream": "t", "record": null}',
        '{"type": "RECORD", "stream": "t", "record": ["x"]}',
        '{"type": "RECORD", "stream": "t", "record": {"a": NaN}}',
        '{"type": "STATE", "value": ' + "9" * 5000 + "}",
        '{"type": "SCHEMA", "stream": "t", "schema": {"properties": {"a": {}}}, "key_properties": [["a"]]}',
        '{"type": "SCHEMA", "stream": "singer.schema.t", "schema": {"properties": {"a": {}}}, "key_properties": []}',
        '{"type": "BATCH", "stream": "t"}',
    ],
)
def test_a_malformed_message(line, run, plugins):
    assert complaint(run("target-e3db", "--config", plugins.target_config(), stdin=line + "\n"))


@pytest.mark.parametrize("schema", [{"type": 5}, {"type": ["string", ["x"]]}, {"anyOf": 5}, {"properties": {"b": 5}}])
def test_a_schema_that_cannot_be_worked_with_is_refused_without_validation_too(schema, plugins, messages):
    done = plugins.load(messages.schema("t", id={"type": "integer"}, a=schema), validate_records=False)
    assert "stream t: column 'a': " in complaint(done)


def test_a_row_that_breaks_its_schema(plugins, messages):
    done = plugins.load(messages.schema("t", id={"type": "integer"}), messages.record("t", id=SECRET))
    assert "stream t: id breaks its schema (type)" in complaint(done)


def test_a_row_without_its_key(plugins, messages):
    done = plugins.load(messages.schema("t", id={"type": ["integer", "null"]}), messages.record("t", id=None))
    assert "no value in its key column id" in complaint(done)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"page_size": 0}, "setting page_size"),
        ({"settle_seconds": -1}, "setting settle_seconds"),
        ({"settle_seconds": 10**30}, "setting settle_seconds"),
        ({"schemas": {"t": {"id": "integer"}}}, "setting schemas"),
        ({"start_date": "soon"}, "setting start_date"),
        ({"record_types": ["singer.schema.t"]}, "is the connector's own"),
    ],
)
def test_settings_of_the_tap_out_of_their_range(settings, expected, run, plugins):
    assert expected in complaint(run("tap-e3db", "--config", plugins.tap_config(**settings)))


def test_a_stream_map_that_fails_does_not_show_the_value(run, plugins, messages):
    plugins.load(messages.schema("t", id={"type": "integer"}, v={"type": "string"}), messages.record("t", id=1, v=SECRET))
    plugins.settle()
    done = run("tap-e3db", "--config", plugins.tap_config(stream_maps={"t": {"n": "int(v)"}}))
    assert done.returncode == 1
    assert SECRET not in done.stderr
    assert "ValueError" in done.stderr.splitlines()[-1]
