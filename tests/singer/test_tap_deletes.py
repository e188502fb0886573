"""Deleted records: full tables with ACTIVATE_VERSION, and the companion stream with its SQL view and dbt model."""

import json
from pathlib import Path

import duckdb
import jinja2
import pytest

from e3db_connectors.sync.reading.full import FullRead

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "deletes"


@pytest.fixture
def contacts(client):
    return [client.write("contact", {"name": f"n{number}"}) for number in range(3)]


@pytest.fixture
def warehouse(tmp_path):
    """Put the rows of a run into DuckDB: records by key, and a full table as its last version."""

    class Warehouse:
        def __init__(self):
            self.database = duckdb.connect()
            self.tables = {}

        def load(self, output):
            for message in output.messages:
                if message["type"] == "RECORD":
                    rows = self.tables.setdefault(message["stream"], {})
                    rows[message["record"]["_e3db_record_id"]] = (message["record"], message.get("version"))
                elif message["type"] == "ACTIVATE_VERSION":
                    kept = {key: row for key, row in self.tables.get(message["stream"], {}).items() if row[1] == message["version"]}
                    self.tables[message["stream"]] = kept
            for stream, rows in self.tables.items():
                path = tmp_path / f"{stream}.json"
                path.write_text(json.dumps([row for row, _ in rows.values()]))
                self.database.execute(f"CREATE OR REPLACE TABLE {stream} AS FROM read_json('{path}')")

        def names(self, query):
            return sorted(str(name) for (name,) in self.database.execute(query).fetchall())

    made = Warehouse()
    yield made
    made.database.close()


def full_table(tap_class):
    for stream in tap_class.streams.values():
        stream.forced_replication_method = "FULL_TABLE"


def kinds(output, stream="contact"):
    return [message["type"] for message in output.messages if message.get("stream", stream) == stream and message["type"] != "STATE"]


@pytest.mark.usefixtures("contacts")
class TestFullTable:
    def test_the_version_is_activated_after_the_records_that_carry_it(self, tap):
        output = tap(before=full_table)
        assert kinds(output) == ["SCHEMA", "RECORD", "RECORD", "RECORD", "ACTIVATE_VERSION"]
        [activated] = output.of("ACTIVATE_VERSION")
        assert {message["version"] for message in output.of("RECORD")} == {activated["version"]}
        assert kinds(tap(before=full_table, stream_maps={"contact": {"name": "name.upper()"}})) == kinds(output)

    def test_a_later_run_has_a_later_version(self, tap):
        versions = [tap(before=full_table, settle=False).of("ACTIVATE_VERSION")[0]["version"] for _ in range(2)]
        assert versions[0] < versions[1]

    def test_it_may_be_left_out(self, tap):
        output = tap(before=full_table, emit_activate_version_messages=False)
        assert kinds(output) == ["SCHEMA", "RECORD", "RECORD", "RECORD"]
        assert "version" not in output.of("RECORD")[0]

    def test_incremental_reads_have_no_version(self, tap):
        assert tap().of("ACTIVATE_VERSION") == []

    def test_nothing_is_activated_when_a_record_was_skipped(self, tap):
        schemas = {"contact": {"name": {"type": "integer"}}}
        output = tap(before=full_table, schemas=schemas, on_error="skip")
        assert kinds(output) == ["SCHEMA"]

    def test_nothing_is_activated_when_a_writers_access_has_gone_meanwhile(self, tap, client, stranger, monkeypatch):
        stranger.write("contact", {"name": "theirs"})
        stranger.share("contact", client.client_id)
        pages = FullRead.pages

        def revoked_meanwhile(read):
            for page in pages(read):
                stranger.revoke("contact", client.client_id)
                yield page

        monkeypatch.setattr(FullRead, "pages", revoked_meanwhile)
        output = tap(before=full_table, include_all_writers=True)
        assert len(output.rows("contact")) == 4
        assert output.of("ACTIVATE_VERSION") == []


class TestCompanion:
    def test_it_lists_ids_versions_and_times_after_the_records_and_decrypts_nothing(self, tap, contacts, monkeypatch):
        output = tap(detect_deletes=True)
        listed = {(row["_e3db_record_id"], row["_e3db_version"], row["_e3db_last_modified"]) for row in output.rows("contact__live")}
        assert listed == {(each.meta.record_id, each.meta.version, each.meta.last_modified) for each in contacts}
        assert all(len(row) == 3 for row in output.rows("contact__live"))
        order = [message["stream"] for message in output.of("RECORD")]
        assert order == ["contact"] * 3 + ["contact__live"] * 3
        assert kinds(output, "contact__live")[-1] == "ACTIVATE_VERSION"
        monkeypatch.setattr("e3db_connectors.client.cipher.RecordCipher.open", None)
        assert len(tap(detect_deletes=True, state=output.state).rows("contact__live")) == 3

    def test_a_catalog_that_asks_for_incremental_reads_of_all_streams_does_not_change_it(self, tap, plugins, contacts):
        assert contacts
        catalog = plugins.discover(detect_deletes=True)
        for stream in catalog["streams"]:
            for item in stream["metadata"]:
                if not item["breadcrumb"]:
                    item["metadata"] |= {
                        "selected": True,
                        "forced-replication-method": "INCREMENTAL",
                        "replication-key": "_e3db_last_modified",
                    }
            stream |= {"replication_method": "INCREMENTAL", "replication_key": "_e3db_last_modified"}
        output = tap(detect_deletes=True, catalog=catalog)
        assert kinds(output, "contact__live")[-1] == "ACTIVATE_VERSION"

    def test_the_view_and_the_model_leave_out_what_has_been_deleted(self, tap, contacts, client, warehouse):
        first = tap(detect_deletes=True)
        warehouse.load(first)
        warehouse.database.execute((EXAMPLES / "views.sql").read_text())
        client.delete(contacts[1].meta.record_id)
        assert warehouse.names("SELECT name FROM contact_current") == ["n0", "n1", "n2"]
        warehouse.load(tap(detect_deletes=True, state=first.state))
        assert warehouse.names("SELECT name FROM contact_current") == ["n0", "n2"]
        assert warehouse.names("SELECT _e3db_record_id FROM contact_deleted") == [contacts[1].meta.record_id]
        assert warehouse.names(rendered_model()) == ["n0", "n2"]


def rendered_model():
    """The dbt model as SQL that gives names, rendered as dbt does."""
    macros, model = (EXAMPLES / "dbt" / part for part in ("macros/e3db_current.sql", "models/contact_current.sql"))
    environment = jinja2.Environment(autoescape=False)  # noqa: S701 - it makes SQL
    text = macros.read_text() + model.read_text()
    sql = environment.from_string(text).render(source=lambda _source, table: table, config=lambda **_options: "")
    return f"SELECT name FROM ({sql})"  # noqa: S608 - the project's own
