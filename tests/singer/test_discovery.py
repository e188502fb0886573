"""Discovery: whose types, what they are called, and what a catalog may ask for."""

import json
import uuid

import pytest

from e3db_connectors.errors import ConfigError
from e3db_connectors.singer.tap import TapE3DB

INTEGER, TEXT = {"type": ["integer", "null"]}, {"type": ["string", "null"]}
ODD_TYPES = ["sensor-reading", "Contact", "contact", "a/b", "a.b", "日本", "a b", "1st", "x" * 100]


@pytest.fixture
def discover(plugins):
    """The streams that the tap finds, by name."""

    def found(**settings):
        made = TapE3DB(config=json.loads(plugins.tap_config(**settings).read_text()), setup_mapper=False)
        try:
            return {stream["tap_stream_id"]: stream for stream in made.catalog_dict["streams"]}
        finally:
            made.client.close()

    return found


@pytest.fixture
def shared(client, stranger):
    """The stranger shares a type that both write, and one of its own; a third it keeps."""
    client.write("contact", {"name": "mine"})
    for record_type in ("contact", "reading", "diary"):
        stranger.write(record_type, {"name": "theirs", "theirs": "x"})
    stranger.share("contact", client.client_id)
    stranger.share("reading", client.client_id)
    return stranger.client_id


def true_type(stream):
    return next(item["metadata"]["e3db-record-type"] for item in stream["metadata"] if not item["breadcrumb"])


def test_odd_types_get_names_that_loaders_neither_split_nor_fold(client, discover, tap):
    for record_type in ODD_TYPES:
        client.write(record_type, {"name": record_type})
    streams = discover(detect_deletes=True)
    assert len({name.lower() for name in streams}) == 2 * len(ODD_TYPES)
    assert all(name.isascii() and name.replace("_", "a").isalnum() and len(name) <= 63 and not name[0].isdigit() for name in streams)
    assert {true_type(stream) for stream in streams.values()} == set(ODD_TYPES)
    output = tap()
    for name, stream in streams.items():
        if not name.endswith("__live"):
            assert [row["name"] for row in output.rows(name)] == [true_type(stream)]


class TestOthersTypes:
    def test_they_come_only_if_they_are_asked_for(self, shared, discover):
        assert set(discover()) == {"contact"}
        assert set(discover(include_all_writers=True)) == {"contact", "reading"}
        assert set(discover(writer_ids=[shared])) == {"contact", "reading"}

    def test_others_columns_come_only_with_their_records(self, shared, discover):
        assert "theirs" not in discover()["contact"]["schema"]["properties"]
        assert "name" in discover(writer_ids=[shared])["reading"]["schema"]["properties"]
        assert "theirs" in discover(include_all_writers=True)["contact"]["schema"]["properties"]

    def test_only_records_of_the_writers_asked_for_are_read(self, shared, tap, client):
        def names(**settings):
            return sorted(row["name"] for row in tap(settle=False, **settings).rows("contact"))

        tap()
        assert names() == ["mine"]
        assert names(include_all_writers=True) == ["mine", "theirs"]
        assert names(writer_ids=[shared]) == ["theirs"]
        assert names(writer_ids=[client.client_id]) == ["mine"]

    @pytest.mark.parametrize(("types", "silent"), [([], False), (["contact"], False), (["diary"], True)])
    def test_a_writer_who_shares_nothing_is_named(self, types, silent, shared, discover, client, caplog):
        nobody = str(uuid.uuid4())
        discover(writer_ids=[shared, client.client_id, nobody], record_types=types)
        named = [record.args[0] for record in caplog.records if "shares nothing that is to be read" in record.message]
        assert sorted(named) == sorted([shared, nobody] if silent else [nobody])

    def test_old_records_of_a_writer_who_is_added_later_are_read(self, shared, tap):
        first = tap()
        again = tap(include_all_writers=True, state=first.state)
        assert [row["_e3db_writer_id"] for row in again.rows("contact")] == [shared]

    def test_a_full_table_has_the_same_writers(self, shared, tap):
        def full(made):
            for stream in made.streams.values():
                stream.forced_replication_method = "FULL_TABLE"

        assert [row["name"] for row in tap(before=full).rows("contact")] == ["mine"]
        assert [row["name"] for row in tap(before=full, writer_ids=[shared]).rows("contact")] == ["theirs"]

    def test_an_authorizer_who_is_not_trusted_is_refused(self, shared, tap, client, stranger):
        assert shared
        with pytest.raises(Exception, match="an authorizer that is not trusted"):
            tap(include_all_writers=True, trusted_authorizers=[client.config.public_key])
        trusted = [stranger.config.public_key]
        assert len(tap(include_all_writers=True, trusted_authorizers=trusted).rows("contact")) == 2

    def test_a_type_that_was_named_like_another_ones_stream_does_not_hide_it(self, client, discover):
        client.write("a/b", {})
        [name] = discover()
        client.write(name, {})
        with pytest.raises(ConfigError, match=f"make a stream {name} each"):
            discover()
        assert list(discover(record_types=["a/b"])) == [name]

    def test_a_writer_id_that_is_none_is_refused(self, discover):
        with pytest.raises(ConfigError, match="writer_ids: 'ann' is no id"):
            discover(writer_ids=["ann"])


class TestCatalog:
    @pytest.fixture
    def catalog(self, client, discover):
        client.write("contact", {"name": "n", "age": "7"})
        return {"streams": list(discover().values())}

    @staticmethod
    def root(catalog):
        return next(item["metadata"] for item in catalog["streams"][0]["metadata"] if not item["breadcrumb"])

    @pytest.mark.parametrize("method", ["LOG_BASED", "incremental", "NONSENSE"])
    def test_an_unknown_replication_method_is_refused(self, method, catalog, tap):
        catalog["streams"][0]["replication_method"] = method
        with pytest.raises(ConfigError, match=f"no replication method {method}; choose INCREMENTAL or FULL_TABLE"):
            tap(catalog=catalog)

    def test_another_replication_key_is_refused(self, catalog, tap):
        catalog["streams"][0]["replication_key"] = "name"
        with pytest.raises(ConfigError, match="is _e3db_last_modified, not name"):
            tap(catalog=catalog)

    def test_types_of_the_catalog_count(self, catalog, tap):
        catalog["streams"][0]["schema"]["properties"]["age"] = INTEGER
        output = tap(catalog=catalog)
        assert [row["age"] for row in output.rows("contact")] == [7]
        assert output.of("SCHEMA")[0]["schema"]["properties"]["age"] == INTEGER

    def test_rows_have_the_columns_of_the_catalog_whatever_has_come_since(self, catalog, tap, client):
        client.write("contact", {"name": "n", "new": "x"})
        output = tap(catalog=catalog)
        columns = set(output.of("SCHEMA")[0]["schema"]["properties"])
        assert all(set(row) == columns for row in output.rows("contact"))

    def test_columns_of_the_catalog_stay_when_a_sample_does_not_show_them(self, catalog, tap):
        output = tap(catalog=catalog, infer_schema_sample_size=0)
        assert [(row["name"], row["age"], row["_extra"]) for row in output.rows("contact")] == [("n", "7", None)]

    def test_meta_columns_can_be_deselected_but_for_key_and_cursor(self, catalog, tap):
        for item in catalog["streams"][0]["metadata"]:
            if item["breadcrumb"]:
                item["metadata"]["selected"] = False
        [row] = tap(catalog=catalog).rows("contact")
        assert set(row) == {"_e3db_record_id", "_e3db_last_modified"}
