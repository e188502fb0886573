"""Who may read a stream."""

import pytest

from e3db_connectors.errors import UsageError
from e3db_connectors.sync import schemas

UNKNOWN = "00000000-0000-4000-8000-000000000000"
ROWS = [{"id": number, "name": "a"} for number in range(5)]


def shares(client):
    return {(share.record_type, share.reader_id) for share in client.outgoing_sharing()}


@pytest.fixture
def calls(items, monkeypatch):
    """Methods and paths, in order."""
    transport, made = items.client._transport, []
    original = transport.send

    def send(call, *arguments, **options):
        made.append((call.method, call.path))
        return original(call, *arguments, **options)

    monkeypatch.setattr(transport, "send", send)
    return made


def test_readers_get_access_before_the_first_record_is_there(items, stranger, calls):
    writer = items.writer(share_with=[stranger.client_id])
    assert shares(items.client) == {("items", stranger.client_id), ("singer.schema.items", stranger.client_id)}
    writer.write(ROWS)
    granted = [number for number, (method, path) in enumerate(calls) if method == "PUT" and "/policy/" in path]
    written = [number for number, call in enumerate(calls) if call == ("POST", "/v1/storage/records")]
    assert len(granted) == 2
    assert max(granted) < min(written)
    assert len(list(stranger.query_all(record_type="items", writer="all"))) == 5
    assert list(schemas.load(stranger, "items").united()) == ["id", "name"]


def test_what_is_shared_already_is_not_shared_again(items, stranger, calls):
    items.writer(share_with=[stranger.client_id])
    calls.clear()
    items.writer(share_with=[stranger.client_id, items.client.client_id])
    assert [path for method, path in calls if method == "PUT" and "/policy/" in path] == []


def test_the_schema_goes_with_shares_that_were_made_otherwise(items, stranger):
    items.writer().write(ROWS)
    items.client.share("items", stranger.client_id)
    items.client.share("singer.schema.other", stranger.client_id)
    items.writer()
    assert list(schemas.load(stranger, "items").united()) == ["id", "name"]
    items.client.revoke("items", stranger.client_id)
    items.writer()
    assert shares(items.client) == {("singer.schema.other", stranger.client_id)}


def test_a_reader_that_does_not_exist_is_told_before_anything_is_written(items):
    with pytest.raises(UsageError, match=f"no client {UNKNOWN} .* check share_with"):
        items.writer(share_with=[UNKNOWN])
    assert list(items.client.query_all(writer=items.client.client_id)) == []
