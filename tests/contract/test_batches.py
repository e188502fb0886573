"""Several records in one request, and requests that are signed."""

import dataclasses
import time
from uuid import uuid4

import pytest

from e3db_connectors import Client, errors
from e3db_connectors.crypto import signatures
from e3db_connectors.wire import tsv1

UNKNOWN = "11111111-1111-4111-8111-111111111111"


def test_a_batch_is_read_and_what_is_not_ours_left_out(client, stranger):
    ours, theirs = [client.write("t", {"a": str(number)}) for number in range(3)], stranger.write("t", {"a": "x"})
    ids = [record.meta.record_id for record in ours]
    assert [record.data for record in client.read_batch([*ids, theirs.meta.record_id, UNKNOWN])] == [{"a": "0"}, {"a": "1"}, {"a": "2"}]
    assert client.read_batch(ids, include_data=False)[0].data == {}


def test_a_batch_has_an_end(client):
    with pytest.raises(errors.UsageError, match="1000"):
        client.read_batch([UNKNOWN] * 1001)


@pytest.mark.parametrize("ids", [{}, {"record_ids": None}, {"record_ids": []}])
def test_a_batch_of_nothing_finds_and_deletes_nothing(call, client, ids):
    client.write("t", {"a": "x"})
    assert call("GET", "/v1/storage/records", json={**ids, "include_data": None}).json() == {"records": []}
    assert call("DELETE", "/v2/storage/records/bulk/delete", json=ids).json() == {"record_delete_error": {}}
    assert len(client.query()) == 1


def test_a_record_named_twice_is_read_once(call, client):
    record_id = client.write("t", {"a": "x"}).meta.record_id
    answer = call("GET", "/v1/storage/records", json={"record_ids": [record_id, record_id], "include_data": None})
    assert [(found["meta"]["record_id"], found["record_data"]) for found in answer.json()["records"]] == [(record_id, None)]


def test_a_bulk_delete_tells_what_it_did_not_delete(client, stranger):
    ours, theirs = client.write("t", {"a": "x"}), stranger.write("t", {"a": "x"})
    assert client.delete_batch([ours.meta.record_id, theirs.meta.record_id, UNKNOWN]) == {
        theirs.meta.record_id: "Not Found",
        UNKNOWN: "Not Found",
    }
    with pytest.raises(errors.NotFound):
        client.read(ours.meta.record_id)
    assert stranger.read(theirs.meta.record_id).data == {"a": "x"}


def test_fields_can_be_chosen(client):
    record = client.write("t", {"a": "1", "b": "2", "c d": "3"})
    assert client.read(record.meta.record_id, ["a", "c d"]).data == {"a": "1", "c d": "3"}


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_forms_without_a_version_do_not_mind_it(method, client, call_as):
    record = client.write("t", {"a": "x"})
    client.update(record)
    body = {"meta": {"writer_id": client.client_id, "user_id": client.client_id, "type": "t"}, "data": {}}
    answer = call_as(client)(method, f"/v1/storage/records/{record.meta.record_id}", json=body)
    assert answer.status_code == {"PUT": 200, "DELETE": 204}[method]


def test_a_client_without_a_signing_key_says_so(client):
    unsigned = dataclasses.replace(client.config, private_signing_key="")
    with Client(unsigned) as made, pytest.raises(errors.ConfigError, match="no signing key"):
        made.delete_batch([UNKNOWN])


@pytest.fixture
def signed(client, http):
    """Send a request with a signature made by hand; what is given replaces parts of the header."""

    def send(path="/v1/storage/policy/outgoing", query="", sign_query=None, **parts):
        known = {
            "public_key": client.config.public_signing_key,
            "timestamp": int(time.time()),
            "nonce": str(uuid4()),
            "client_id": client.client_id,
        }
        key = parts.pop("private_key", client.config.private_signing_key)
        header = tsv1.Tsv1Header(**{**known, **parts})
        text = header.to_sign("GET", path, query if sign_query is None else sign_query)
        header = dataclasses.replace(header, signature=signatures.sign(signatures.digest(text), key))
        return http("GET", path + (f"?{query}" if query else ""), headers={"Authorization": header.text()})

    return send


def test_a_signed_request_is_taken_once(signed):
    nonce = str(uuid4())
    assert signed(nonce=nonce).status_code == 200
    assert signed(nonce=nonce).status_code == 401
    assert signed().status_code == 200


@pytest.mark.parametrize("shift", [-400, 400, 10**12, -(10**9)])
def test_a_signature_of_another_time_is_refused(shift, signed):
    assert signed(timestamp=int(time.time()) + shift).status_code == 401


@pytest.mark.parametrize("shift", [-200, 200])
def test_clocks_may_differ_by_minutes(shift, signed):
    assert signed(timestamp=int(time.time()) + shift).status_code == 200


def test_somebody_elses_key_or_name_is_refused(signed, stranger):
    assert signed(client_id=stranger.client_id).status_code == 401
    assert signed(public_key=stranger.config.public_signing_key).status_code == 401
    assert signed(private_key=stranger.config.private_signing_key).status_code == 401
    assert signed(client_id="").status_code == 401
    assert signed(client_id=UNKNOWN).status_code == 401


def test_the_query_is_signed(signed):
    assert signed(query="b=2&a=1", sign_query="a=1&b=2").status_code == 200
    assert signed(query="b=2&a=1", sign_query="a=1&b=3").status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "TSV1-ED25519-BLAKE2B",
        "TSV1-ED25519-BLAKE2B; a; 1; b; uid:; c",
        "TSV1-ED25519-BLAKE2B; ; ; ; ; ",
        "TSV1-ED25519-BLAKE2B; a; ٣; b; uid:x; c",
    ],
)
def test_malformed_signatures_are_refused(value, http):
    assert http("GET", "/v1/storage/policy/outgoing", headers={"Authorization": value.encode("utf-8")}).status_code == 401
