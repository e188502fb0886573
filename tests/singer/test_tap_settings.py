"""Settings of tap-e3db: whose records, of what time, which columns, and what becomes of bad ones."""

import base64
import json

import pytest
from sqlalchemy import text as sql

from e3db_connectors.errors import ConfigError, IntegrityError, TooManyErrors, UsageError
from e3db_connectors.singer.tap import TapE3DB

KEY = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")


@pytest.fixture
def written(client):
    """Two records of a type."""
    return [client.write("contact", {"name": f"n{number}", "mail": f"m{number}@x.org"}) for number in range(2)]


@pytest.fixture
def damage(server):
    """Exchange a field of a record for one that does not open."""

    def exchange(record, field):
        quad = "A" * 64 + "." + "A" * 32 + "." + "A" * 24 + "." + "A" * 32
        with server.database() as database:
            database.execute(
                sql("UPDATE records SET data = :data WHERE record_id = :id"),
                {"data": json.dumps({field: quad}), "id": record.meta.record_id},
            )

    return exchange


def names(output, stream="contact"):
    return sorted(row["name"] for row in output.rows(stream))


@pytest.mark.usefixtures("written")
class TestColumns:
    def test_a_policy_decides_what_is_shown_of_columns(self, tap):
        rules = [
            {"rule": "ciphertext", "column": "mail"},
            {"rule": "mask", "column": "name", "length": 3},
        ]
        [row, _] = tap(columns={"rules": rules}).rows("contact")
        assert row["name"] == "***"
        assert row["mail"].count(".") == 3

    def test_a_policy_may_be_a_file_and_pseudonyms_take_a_key(self, tap, tmp_path):
        path = tmp_path / "policy.json"
        path.write_text(json.dumps({"rules": [{"rule": "pseudonym", "column": "name"}], "default": "drop"}))
        output = tap(policy_file=str(path), pseudonym_key=KEY)
        assert all(row["name"].startswith("p1.") and "mail" not in row for row in output.rows("contact"))
        [schema] = output.of("SCHEMA")
        assert "mail" not in schema["schema"]["properties"]
        assert KEY not in tap.text

    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            ({"columns": {"rules": [{"rule": "drop", "column": "nmae"}]}}, "type contact has no column nmae"),
            ({"columns": {"rules": [{"rule": "drop", "column": "_e3db_record_id"}]}}, "is a meta column"),
            ({"columns": {"rules": [{"rule": "null", "column": "_e3db_last_modified"}]}}, "is a meta column"),
            ({"columns": {"rules": "all"}}, "setting columns: rules"),
            ({"columns": {}, "policy_file": "x"}, "columns or policy_file, not both"),
            ({"columns": {"rules": [{"rule": "pseudonym", "column": "name"}]}}, "E3DB_PSEUDONYM_KEY"),
            ({"policy_file": "nowhere.json"}, "cannot read the policy"),
        ],
    )
    def test_a_policy_that_is_none_is_refused(self, settings, words, tap):
        with pytest.raises(ConfigError, match=words):
            tap(**settings)

    def test_unknown_fields_go_into_a_column_of_their_own(self, tap):
        schemas = {"contact": {"name": {"type": "string"}}}
        assert [row["_extra"] for row in tap(schemas=schemas).rows("contact")] == [{"mail": f"m{number}@x.org"} for number in range(2)]
        assert "_extra" not in tap(schemas=schemas, unknown_fields="drop").rows("contact")[0]
        with pytest.raises(UsageError, match="column mail: no schema of type contact has such a field"):
            tap(schemas=schemas, unknown_fields="error")


class TestTimes:
    def test_an_end_date_leaves_out_what_is_later(self, tap, client):
        first = client.write("contact", {"name": "early"})
        output = tap(end_date=first.meta.last_modified)
        assert output.rows("contact") == []
        assert names(tap(end_date="2999-01-01")) == ["early"]

    def test_dates_the_wrong_way_round_are_refused(self, tap, written):
        assert written
        with pytest.raises(ConfigError, match="end_date: it must be later than start_date"):
            tap(start_date="2026-01-02", end_date="2026-01-02")

    def test_a_date_that_is_none_is_refused(self, plugins):
        config = json.loads(plugins.tap_config(end_date="soon").read_text())
        with pytest.raises(ConfigError, match="setting end_date"):
            TapE3DB(config=config)


class TestBadRecords:
    def test_by_default_the_first_one_ends_the_run(self, tap, written, damage):
        damage(written[0], "name")
        with pytest.raises(IntegrityError, match=written[0].meta.record_id):
            tap()

    def test_they_may_be_left_out_and_the_state_goes_past_them(self, tap, written, damage):
        damage(written[0], "name")
        output = tap(on_error="skip")
        assert names(output) == ["n1"]
        assert tap(on_error="skip", state=output.state).rows("contact") == []

    def test_a_dead_letter_file_names_them_and_is_read_again(self, tap, written, damage, tmp_path, client):
        damage(written[0], "name")
        path = tmp_path / "dead.jsonl"
        output = tap(on_error="dead_letter", dead_letter_file=str(path))
        [line] = path.read_text().splitlines()
        assert json.loads(line)["record_id"] == written[0].meta.record_id
        client.update(written[0], versioned=False)
        client.write("contact", {"name": "n2"})
        again = tap(record_ids_file=str(path), state=output.state)
        assert names(again) == ["n0"]
        assert again.state == output.state

    def test_too_many_end_the_run(self, tap, written, damage):
        for record in written:
            damage(record, "name")
        with pytest.raises(TooManyErrors, match="more than 1 records"):
            tap(on_error="skip", max_errors=1)

    @pytest.mark.parametrize("settings", [{"on_error": "dead_letter"}, {"dead_letter_file": "x"}])
    def test_the_file_goes_with_the_choice(self, settings, tap, written):
        assert written
        with pytest.raises(ConfigError, match="dead_letter_file goes with on_error"):
            tap(**settings)

    def test_a_file_of_ids_that_holds_something_else_is_refused(self, tap, tmp_path):
        (tmp_path / "ids").write_text("all of them")
        with pytest.raises(UsageError, match="without the id of a record"):
            tap(record_ids_file=str(tmp_path / "ids"))


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "text", "wanted"),
        [
            ("PAGE_SIZE", "x", "a whole number"),
            ("INCLUDE_ALL_WRITERS", "ture", "one of true, false"),
            ("COLUMNS", "{rules", "JSON"),
            ("SCHEMAS", "c29tZXRoaW5n", "JSON"),
        ],
    )
    def test_a_variable_that_holds_no_such_thing_is_named(self, name, text, wanted, run, monkeypatch):
        monkeypatch.setenv(f"TAP_E3DB_{name}", text)
        done = run("tap-e3db", "--config", "ENV")
        assert done.returncode == 1
        [line] = [line for line in done.stderr.splitlines() if "INFO" not in line]
        assert line.startswith(f"tap-e3db: TAP_E3DB_{name} must be {wanted}")
        assert text not in line or text == "x"

    def test_all_kinds_of_settings_can_come_from_it(self, monkeypatch, credentials_file, written):
        assert written
        for name, text in {
            "CREDENTIALS_FILE": str(credentials_file),
            "RECORD_TYPES": '["contact"]',
            "INCLUDE_ALL_WRITERS": "yes",
            "MAX_WORKERS": "2",
            "LOOKBACK_SECONDS": "0.5",
            "COLUMNS": '{"rules": [{"rule": "drop", "column": "mail"}]}',
        }.items():
            monkeypatch.setenv(f"TAP_E3DB_{name}", text)
        made = TapE3DB(config={}, parse_env_config=True)
        made.client.close()
        assert list(made.streams) == ["contact"]
        assert "mail" not in made.streams["contact"].schema["properties"]
        assert (made.options.all_writers, made.options.tuning.max_workers, made.options.tuning.lookback_seconds) == (True, 2, 0.5)


def test_null_settings_count_as_left_out(tap, written):
    assert written
    nulls = dict.fromkeys(["record_types", "writer_ids", "columns", "policy_file", "end_date", "on_error", "max_workers", "pseudonym_key"])
    assert len(tap(**nulls).rows("contact")) == 2


@pytest.mark.parametrize("schema", [{"type": 5}, {"type": ["string", ["x"]]}, {"anyOf": 5}, {"properties": 5}])
def test_schemas_that_are_none_are_refused(schema, tap):
    with pytest.raises(ConfigError, match="setting schemas: type 't': column 'a': its schema has a wrong "):
        tap(schemas={"t": {"a": schema}}, settle=False)
