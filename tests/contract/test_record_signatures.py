"""`rec_sig`: written on request, verified in both orders that clients sign in (protocol section 8.2)."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors import Client, Record, Search
from e3db_connectors.crypto import signatures
from e3db_connectors.errors import ConfigError, SignatureInvalid
from e3db_connectors.wire.record_signatures import signed_texts
from e3db_connectors.wire.records import Meta

DATA, PLAIN = {"b": 'ä"\n\u2028', "a": ""}, {"z": "1", "k": "2"}


@pytest.fixture
def signing(client):
    with Client(client.config, sign_records=True) as made:
        yield made


def javascript(meta, data):
    """The text that a JavaScript client signs: ``JSON.stringify`` of both, members in the order in which they were put."""
    head = {"plain": meta.plain, "type": meta.record_type, "user_id": meta.user_id, "writer_id": meta.writer_id}
    return (
        json.dumps(head, ensure_ascii=False, separators=(",", ":")) + json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    ).encode()


def test_records_are_not_signed_unless_asked_for(client):
    written = client.write("t", DATA, PLAIN)
    assert written.rec_sig is None
    with pytest.raises(SignatureInvalid, match="does not carry"):
        client.verify(written)


def test_a_signed_record_verifies_wherever_it_comes_from(signing, client, stranger):
    written = signing.write("t", DATA, PLAIN)
    updated = signing.update(Record(written.meta, {"c": "3", **DATA}))
    assert updated.rec_sig not in {None, written.rec_sig}
    client.share("t", stranger.client_id)
    found = stranger.search(Search(include_data=True, include_all_writers=True)).records
    for reader, record in [(client, updated), (client, client.read(updated.meta.record_id)), *((stranger, record) for record in found)]:
        reader.verify(record)
        reader.verify(record, signing_key=client.config.public_signing_key)
    assert len(found) == 1


@pytest.mark.parametrize("change", [{"data": {"b": "x", "a": ""}}, {"data": {"a": ""}}, {"plain": {}}, {"record_type": "u"}])
def test_what_was_changed_does_not_verify(change, signing, client):
    written = signing.write("t", DATA, PLAIN)
    data = change.pop("data", written.data)
    with pytest.raises(SignatureInvalid):
        client.verify(Record(msgspec.structs.replace(written.meta, **change), data, written.rec_sig))


@pytest.mark.parametrize("signature", ["", "x", "!" * 86, "A" * 86])
def test_no_signature_and_no_likeness_of_one_verifies(signature, client):
    written = client.write("t", DATA)
    with pytest.raises(SignatureInvalid):
        client.verify(Record(written.meta, written.data, signature))


def test_anothers_signature_does_not_verify(signing, client, stranger):
    written = signing.write("t", DATA)
    with pytest.raises(SignatureInvalid):
        client.verify(written, signing_key=stranger.config.public_signing_key)


def test_the_order_of_other_clients_verifies(client):
    meta = Meta(client.client_id, client.client_id, "t", PLAIN, record_id="x")
    signature = signatures.sign(javascript(meta, DATA), client.config.private_signing_key)
    client.verify(Record(meta, DATA, signature))


@given(*[st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=4)] * 2)
def test_both_orders_are_tried(plain, data):
    meta = Meta("w", "u", "t", plain)
    sorted_meta = msgspec.structs.replace(meta, plain=dict(sorted(plain.items())))
    assert {javascript(meta, data), javascript(sorted_meta, dict(sorted(data.items())))} == set(signed_texts(meta, data))


def test_signing_needs_a_signing_key(client):
    config = msgspec.convert({**client.config()}, dict)
    config.pop("private_signing_key")
    with pytest.raises(ConfigError, match="signing_key"):
        Client(config, sign_records=True)
