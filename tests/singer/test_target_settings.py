"""Settings of target-e3db: each does what it says, and what makes no sense is refused in a line."""

import json

import pytest

from e3db_connectors.wire.queries import QueryRequest, eq

INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
DELETED_AT = {"type": ["string", "null"], "format": "date-time"}
GONE = "2026-01-01T00:00:00Z"


def types(client):
    return {record.meta.record_type for record in client.query_all(data=False)}


def stored(client, record_type="t"):
    return {record.data["id"]: record.data for record in client.query_all(record_type=record_type)}


class TestRecordType:
    def test_schema_record_and_reading_back_follow_it(self, plugins, messages, client):
        load = [messages.schema("people", id=INTEGER, name=TEXT), messages.record("people", id=1, name="Ada")]
        for outcome in ("1 created", "1 unchanged"):
            assert outcome in plugins.load(*load, record_type="crm_{stream}_v2").stderr
        assert types(client) == {"crm_people_v2", "singer.schema.crm_people_v2"}
        assert plugins.read().data("crm_people_v2") == [{"id": 1, "name": "Ada"}]

    @pytest.mark.parametrize(
        ("template", "stream", "expected"),
        [
            ("{table}", "public-orders", "orders"),
            ("{schema}_{table}", "shop-public-orders", "public_orders"),
            ("{table}", "orders", "orders"),
            ("orders", "anything", "orders"),
        ],
    )
    def test_parts_of_a_name_with_dashes(self, template, stream, expected, plugins, messages, client):
        done = plugins.load(messages.schema(stream, id=INTEGER), messages.record(stream, id=1), record_type=template, store_schema=False)
        assert done.returncode == 0, done.stderr
        assert types(client) == {expected}

    def test_a_name_without_the_part_is_refused(self, plugins, messages):
        done = plugins.load(messages.schema("orders", id=INTEGER), record_type="{schema}.{table}")
        assert done.returncode == 1
        assert "stream orders: its name has no schema before a dash" in done.stderr

    def test_two_streams_of_one_type_are_refused(self, plugins, messages):
        done = plugins.load(
            messages.schema("a-orders", id=INTEGER),
            messages.record("a-orders", id=1),
            messages.schema("b-orders", id=INTEGER),
            messages.state({"x": 1}),
            record_type="{table}",
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert "streams a-orders and b-orders: both would be written as type 'orders'" in done.stderr

    @pytest.mark.parametrize("template", ["{stream", "{}", "{date}", "x}y", "{stream!r}", ""])
    def test_a_template_that_is_none_is_refused(self, template, plugins, messages):
        done = plugins.load(messages.schema("t", id=INTEGER), record_type=template)
        assert done.returncode == 1
        assert "setting record_type: " in done.stderr
        assert "Traceback" not in done.stderr


class TestPlainFields:
    def test_they_stay_searchable_are_warned_about_and_come_back(self, plugins, messages, client):
        done = plugins.load(
            messages.schema("t", id=INTEGER, country=TEXT, size=INTEGER, secret=TEXT),
            messages.record("t", id=1, country="NZ", size=7, secret="a-row-value"),
            messages.record("t", id=2, country=None, size=8, secret="a-row-value"),
            plain_fields=["country", "t.size", "other.secret"],
        )
        assert done.returncode == 0, done.stderr
        assert "columns that also stay in clear, for whoever can read the server: country, size" in done.stderr
        [found] = [result for page in client.query_pages(QueryRequest(content_types=["t"], plain=eq("country", "NZ"))) for result in page]
        assert "a-row-value" not in json.dumps(found.meta.plain)
        by_id = {row["id"]: row for row in plugins.read().rows("t")}
        assert by_id[1]["_e3db_plain"] == {"country": "NZ", "size": "7"}
        assert by_id[2]["_e3db_plain"] == {"size": "8"}
        assert (by_id[1]["country"], by_id[1]["size"]) == ("NZ", 7)

    def test_none_by_default(self, plugins, messages):
        done = plugins.load(messages.schema("t", id=INTEGER), messages.record("t", id=1))
        assert "in clear" not in done.stderr
        assert plugins.read().rows("t")[0]["_e3db_plain"] == {}

    @pytest.mark.parametrize("name", ["_e3db_key", "_E3DB_x", "t._e3db_schema"])
    def test_the_connectors_own_names_are_refused(self, name, plugins, messages):
        done = plugins.load(messages.schema("t", id=INTEGER), plain_fields=["id", name])
        assert done.returncode == 1
        assert f"setting plain_fields: {name}: names that start with _e3db_ are the connector's own" in done.stderr


def test_without_store_schema_the_tap_reads_text(plugins, messages, client):
    load = [messages.schema("t", id=INTEGER), messages.record("t", id=1)]
    assert "1 created" in plugins.load(*load, store_schema=False).stderr
    assert "1 unchanged" in plugins.load(*load, store_schema=False).stderr
    assert types(client) == {"t"}
    assert plugins.read().data("t") == [{"id": "1"}]


def test_overwrite_is_refused_with_a_reason(plugins, messages):
    done = plugins.load(messages.schema("t", id=INTEGER), load_method="overwrite", max_workers=0)
    assert done.returncode == 1
    assert "there is no overwrite, for E3DB cannot replace the records of a type in one step" in done.stderr
    assert "setting max_workers" in done.stderr


class TestDeletions:
    @pytest.fixture
    def loaded(self, plugins, messages):
        plugins.load(self.schema(messages), messages.record("t", id=1, a="kept"), messages.record("t", id=2, a="b"))

    def schema(self, messages):
        return messages.schema("t", id=INTEGER, a=TEXT, _sdc_deleted_at=DELETED_AT)

    @pytest.mark.usefixtures("loaded")
    def test_they_are_left_out_by_default(self, plugins, messages, client):
        """A deletion often has nothing but its key: written as a row, it would empty the record."""
        done = plugins.load(
            self.schema(messages),
            messages.record("t", id=1, _sdc_deleted_at=GONE),
            messages.record("t", id=2, a="new", _sdc_deleted_at=None),
            {"type": "ACTIVATE_VERSION", "stream": "t", "version": 1},
            messages.state({"x": 1}),
        )
        assert (done.returncode, json.loads(done.stdout)) == (0, {"x": 1})
        assert stored(client) == {"1": {"id": "1", "a": "kept"}, "2": {"id": "2", "a": "new"}}
        assert "1 deletions left out; hard_delete: true deletes their records" in done.stderr
        assert "ACTIVATE_VERSION is ignored" in done.stderr

    @pytest.mark.usefixtures("loaded")
    def test_with_metadata_columns_they_are_a_mark_in_the_record(self, plugins, messages, client):
        schema = self.schema(messages)
        assert plugins.load(schema, messages.record("t", id=1, a="kept", _sdc_deleted_at=GONE), add_record_metadata=True).returncode == 0
        assert stored(client)["1"]["_sdc_deleted_at"] == GONE
        assert stored(client)["1"]["a"] == "kept"

    @pytest.mark.usefixtures("loaded")
    def test_hard_delete_deletes_records_by_key_in_order(self, plugins, messages, client):
        def deleted(number, **row):
            return messages.record("t", id=number, _sdc_deleted_at=GONE, **row)

        done = plugins.load(
            self.schema(messages),
            deleted(1),
            messages.record("t", id=2, a="new"),
            deleted(2, a="new"),
            messages.record("t", id=3, a="short-lived"),
            deleted(3),
            messages.record("t", id=3, a="back", _sdc_deleted_at=None),
            deleted(4),
            messages.state({"x": 1}),
            hard_delete=True,
        )
        assert (done.returncode, json.loads(done.stdout)) == (0, {"x": 1}), done.stderr
        assert stored(client) == {"3": {"id": "3", "a": "back"}}
        assert "3 deleted" in done.stderr
        assert "1 absent" in done.stderr

    def test_a_deletion_without_a_key_is_a_bad_row(self, plugins, messages, client):
        rows = [messages.record("t", _sdc_deleted_at=GONE), messages.record("t", id=1)]
        assert plugins.load(self.schema(messages), *rows, hard_delete=True).returncode == 1
        assert plugins.load(self.schema(messages), *rows, hard_delete=True, on_error="skip").returncode == 0
        assert set(stored(client)) == {"1"}

    def test_in_a_stream_without_a_key_they_are_bad_rows(self, plugins, messages, client):
        rows = [messages.record("t", id=1), messages.record("t", id=1, _sdc_deleted_at=GONE), messages.record("t", id=2)]
        load = [messages.schema("t", key=(), id=INTEGER), *rows, messages.state({"x": 1})]
        done = plugins.load(*load, hard_delete=True)
        assert (done.returncode, done.stdout) == (1, "")
        assert "rows of t cannot be deleted: without key columns" in done.stderr
        done = plugins.load(*load, hard_delete=True, on_error="skip")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"x": 1}), done.stderr
        assert "1 failed" in done.stderr
        assert set(stored(client)) == {"1", "2"}
        assert plugins.load(*load, hard_delete=True, on_error="skip", max_errors=0).returncode == 1

    def test_hard_delete_needs_keys(self, plugins, messages):
        done = plugins.load(self.schema(messages), load_method="append-only", hard_delete=True)
        assert done.returncode == 1
        assert "setting hard_delete: rows are deleted by their key" in done.stderr


def test_batches_are_as_large_as_asked_for(plugins, messages):
    rows = [messages.record("t", id=number) for number in range(7)]
    done = plugins.load(messages.schema("t", id=INTEGER), *rows, batch_size_rows=3)
    assert done.stderr.count("is full. Current size is '3'") == 2


def test_about_names_all_settings_and_their_defaults(run):
    about = json.loads(run("target-e3db", "--about", "--format=json").stdout)["settings"]["properties"]
    defaults = {name: setting["default"] for name, setting in about.items() if "default" in setting}
    assert {
        "record_type": "{stream}",
        "load_method": "upsert",
        "hard_delete": False,
        "store_schema": True,
        "max_workers": 16,
        "batch_size_rows": 1000,
        "state_interval_seconds": 15,
        "on_error": "fail",
        "max_errors": 100,
    }.items() <= defaults.items()
    assert {name for name, setting in about.items() if setting.get("secret")} == {
        "api_secret",
        "private_key",
        "private_signing_key",
        "key_secret",
        "key_secret_previous",
    }
