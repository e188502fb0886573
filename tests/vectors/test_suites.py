"""Both cipher suites against vectors that existing clients made."""

import json
from pathlib import Path

import msgspec
import pytest

from e3db_connectors.crypto import access_keys, encoding, fields, signatures
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import IntegrityError
from e3db_connectors.wire.record_signatures import signed_texts
from e3db_connectors.wire.records import Meta

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
SUITES = {"sodium": SodiumSuite(), "nist": NistSuite()}


def plaintext(vector):
    if "plaintext" in vector:
        return vector["plaintext"]
    text, times = vector["plaintext_repeat"]
    return text * times


def vectors_of(member):
    """Each vector of a member of both suites, with the suite and its member of the file."""
    cases = [(SUITES[name], VECTORS[name], vector) for name in SUITES for vector in VECTORS[name][member]]
    return pytest.mark.parametrize(("suite", "known", "vector"), cases, ids=[f"{case[0].key_map_name}-{case[2]['name']}" for case in cases])


def negatives(kind):
    cases = [(SUITES[vector["suite"]], vector) for vector in VECTORS["negative"] if vector["kind"] == kind]
    return pytest.mark.parametrize(("suite", "vector"), cases, ids=[f"{vector['suite']}-{vector['name']}" for _, vector in cases])


def authorizer_key(suite, response):
    return response["authorizer_public_key"][suite.key_map_name]


@vectors_of("clients")
def test_public_keys_follow_from_private_keys(suite, known, vector):
    assert known["suite"] in SUITES
    assert suite.public_key_of(vector["private_key"]) == vector["public_key"]


@vectors_of("eaks")
def test_access_keys_open(suite, known, vector):
    response = vector["response"]
    opened = access_keys.open_access_key(suite, response["eak"], authorizer_key(suite, response), vector["reader_private_key"])
    assert encoding.encode(opened) == vector["access_key"] == known["access_key"]


@vectors_of("eaks")
def test_access_keys_seal_to_the_same_text_under_the_same_nonce(suite, known, vector, monkeypatch):
    nonce = encoding.decode(vector["response"]["eak"].split(".")[1])
    monkeypatch.setattr(access_keys, "urandom", lambda _size: nonce)
    authorizer = next(client for client in known["clients"] if client["name"] == vector["authorizer"])
    key, reader = encoding.decode(vector["access_key"]), suite.public_key_of(vector["reader_private_key"])
    assert access_keys.seal_access_key(suite, key, reader, authorizer["private_key"]) == vector["response"]["eak"]


@vectors_of("fields")
def test_fields_open(suite, known, vector):
    assert fields.open_field(suite, encoding.decode(known["access_key"]), vector["quad"]) == plaintext(vector)


@vectors_of("fields")
def test_fields_seal_to_the_same_text_under_the_same_randomness(suite, known, vector, monkeypatch):
    key = encoding.decode(known["access_key"])
    sealed_key, key_nonce, _, value_nonce = map(encoding.decode, vector["quad"].split("."))
    randomness = iter([suite.open(key, sealed_key, key_nonce), key_nonce, value_nonce])
    monkeypatch.setattr(fields, "urandom", lambda _size: next(randomness))
    assert fields.seal_field(suite, key, plaintext(vector)) == vector["quad"]


@pytest.mark.parametrize("name", SUITES)
def test_a_record_of_the_original_client_opens(name):
    known = VECTORS[name]
    quads = known["sdk_encrypted_record"]["data"]
    opened = {field: fields.open_field(SUITES[name], encoding.decode(known["access_key"]), quad) for field, quad in quads.items()}
    assert opened == known["sdk_encrypted_record_plaintext"]


def test_an_access_key_and_a_signed_record_of_the_javascript_client_open():
    made, suite = VECTORS["from_js"], SUITES["sodium"]
    reader = next(client for client in VECTORS["sodium"]["clients"] if client["name"] == made["eak"]["reader"])
    response = made["eak"]["response"]
    key = access_keys.open_access_key(suite, response["eak"], authorizer_key(suite, response), reader["private_key"])
    assert encoding.encode(key) == made["access_key"]
    record = made["record"]
    opened = {name: fields.open_field(suite, key, quad) for name, quad in record["encrypted"]["data"].items()}
    assert opened == record["plaintext"]
    # The order of the members is that in which they were signed, not sent: see docs/limitations.md.
    head, end = json.JSONDecoder().raw_decode(record["signed_text"])
    texts = signed_texts(msgspec.convert(head, Meta), json.loads(record["signed_text"][end:]))
    assert record["signed_text"].encode() in texts
    assert any(signatures.verify(text, record["encrypted"]["rec_sig"], record["signer_public_key"]) for text in texts)
    assert json.loads(record["signed_text"][end:]) == opened


@negatives("field")
def test_a_spoilt_field_is_refused_without_showing_it(suite, vector):
    with pytest.raises(IntegrityError) as caught:
        fields.open_field(suite, encoding.decode(vector["access_key"]), vector["quad"])
    assert not any(part and part in str(caught.value) for part in vector["quad"].split("."))


@negatives("eak")
def test_a_spoilt_access_key_is_refused(suite, vector):
    response = vector["response"]
    with pytest.raises(IntegrityError):
        access_keys.open_access_key(suite, response["eak"], authorizer_key(suite, response), vector["reader_private_key"])


def test_the_negative_vectors_are_all_there():
    kinds = [vector["kind"] for vector in VECTORS["negative"]]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"field": 34, "eak": 14, "tsv1": 10, "note": 11, "file": 9}
