"""The schema record."""

from e3db_connectors.sync import schemas
from e3db_connectors.sync.values import TEXT
from e3db_connectors.wire.queries import QueryRequest

INTEGER, NUMBER = {"type": ["integer", "null"]}, {"type": ["number", "null"]}


def test_a_schema_is_remembered_once_and_in_the_order_of_its_columns(client):
    columns = {"z": INTEGER, "a": NUMBER}
    assert schemas.remember(client, "t", columns) == "1"
    assert schemas.remember(client, "t", {"a": NUMBER, "z": INTEGER}) == "1"
    assert list(schemas.load(client, "t").united()) == ["z", "a"]
    assert len(list(client.query(QueryRequest(content_types=["singer.schema.t"])))) == 1


def test_a_changed_schema_gets_the_next_number_and_the_old_one_stays(client):
    schemas.remember(client, "t", {"a": INTEGER})
    assert schemas.remember(client, "t", {"a": INTEGER, "b": NUMBER}) == "2"
    assert schemas.remember(client, "t", {"a": INTEGER}) == "1"
    assert schemas.load(client, "t").history[client.client_id] == {"1": {"a": INTEGER}, "2": {"a": INTEGER, "b": NUMBER}}


def test_a_column_of_two_kinds_reads_as_text_and_warns(client, caplog):
    schemas.remember(client, "t", {"a": INTEGER})
    schemas.remember(client, "t", {"a": {"type": "object"}})
    assert schemas.load(client, "t").united() == {"a": TEXT}
    assert "column a of t" in caplog.text


def test_types_have_schema_records_of_their_own(client):
    schemas.remember(client, "t", {"a": INTEGER})
    assert schemas.load(client, "other").united() == {}


def test_the_server_does_not_see_the_columns(client, server):
    schemas.remember(client, "t", {"a_very_private_column": INTEGER})
    assert b"a_very_private_column" not in b"".join(path.read_bytes() for path in server.folder.glob("e3db.sqlite*"))
