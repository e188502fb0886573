"""The bytes of each operation on the wire, as they were when they were recorded."""

from datetime import UTC, datetime

import pytest

from e3db_connectors import Record, Search
from e3db_connectors.errors import Conflict, NotFound

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def record(client, request):
    return client.write(request.node.name, {"name": "Ada", "phone": "+351 555"}, {"city": "Porto"})


def test_write(client):
    written = client.write("write", {"name": "Ada", "empty": "", "ünï": "日本"}, {"city": "Porto"})
    assert written.meta.record_id


def test_write_with_an_operation_id(client):
    first = client.write("write once", {"a": "1"}, operation_id="op-1")
    assert client.write("write once", {"a": "1"}, operation_id="op-1") == first


def test_read(client, record):
    assert client.read(record.meta.record_id) == record
    assert client.read(record.meta.record_id, ["phone"]).data == {"phone": "+351 555"}
    with pytest.raises(NotFound):
        client.read(UNKNOWN)


def test_update(client, record):
    updated = client.update(Record(record.meta, {"name": "Grace"}))
    with pytest.raises(Conflict):
        client.update(record)
    assert client.update(updated, versioned=False).data == {"name": "Grace"}


def test_delete(client, record):
    with pytest.raises(Conflict):
        client.delete(record.meta.record_id, UNKNOWN)
    client.delete(record.meta.record_id, record.meta.version)


def test_delete_whatever_the_version(client, record):
    client.delete(record.meta.record_id)


def test_batches(client, record):
    assert client.read_batch([record.meta.record_id, UNKNOWN]) == [record]
    assert client.delete_batch([record.meta.record_id, UNKNOWN]) == {UNKNOWN: "Not Found"}


def test_query(client, record):
    eq = {"eq": {"name": "city", "value": "Porto"}}
    found = client.query(record_type=record.meta.record_type, writer=client.client_id, plain=eq, page_size=5)
    assert list(found) == [record]


def test_search(client, record):
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
    query = Search(include_data=True, include_all_writers=True, count=10)
    query = query.match(condition="AND", record_types=record.meta.record_type, plain={"city": "Porto"}).exclude(values=["Lisboa"])
    assert list(client.search(query.range(key="MODIFIED", start=start, end=end).order("DESCENDING"))) == [record]


def test_share_and_revoke(client, reader_id):
    client.share("shared", reader_id)
    assert [share.record_type for share in client.outgoing_sharing()] == ["shared"]
    client.revoke("shared", reader_id)
    assert client.incoming_sharing() == []


def test_authorizers(client, reader_id):
    client.add_authorizer("entrusted", reader_id)
    assert [policy.authorizer_id for policy in client.get_authorizers()] == [reader_id]
    client.remove_authorizer("entrusted", reader_id)
    assert client.get_authorized_by() == []


def test_client_info(client):
    assert client.client_info(client.client_id).public_key == {"curve25519": client.config.public_key}


def test_notes(client, recipient):
    written = client.write_note({"a": "1"}, *recipient)
    assert client.note_views(written.note_id) == -1
    client.delete_note(written.note_id)
    with pytest.raises(NotFound):
        client.read_note(written.note_id)
