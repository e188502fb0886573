"""The Sodium suite against vectors that existing clients made."""

import json
from pathlib import Path

import pytest

from e3db_connectors.crypto import access_keys, encoding, fields
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import IntegrityError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
SODIUM = VECTORS["sodium"]
NEGATIVE = [vector for vector in VECTORS["negative"] if vector.get("suite") == "sodium"]
SUITE = SodiumSuite()
CLIENTS = {client["name"]: client for client in SODIUM["clients"]}


def plaintext(vector):
    if "plaintext" in vector:
        return vector["plaintext"]
    text, times = vector["plaintext_repeat"]
    return text * times


def named(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=lambda vector: vector["name"])


@named(SODIUM["clients"])
def test_public_keys_follow_from_private_keys(vector):
    assert SUITE.public_key_of(vector["private_key"]) == vector["public_key"]


@named(SODIUM["eaks"])
def test_access_keys_open(vector):
    response = vector["response"]
    opened = access_keys.open_access_key(
        SUITE, response["eak"], response["authorizer_public_key"]["curve25519"], vector["reader_private_key"]
    )
    assert encoding.encode(opened) == vector["access_key"]


@named(SODIUM["eaks"])
def test_access_keys_seal_to_the_same_text_under_the_same_nonce(vector, monkeypatch):
    nonce = encoding.decode(vector["response"]["eak"].split(".")[1])
    monkeypatch.setattr(access_keys, "urandom", lambda _size: nonce)
    sealed = access_keys.seal_access_key(
        SUITE,
        encoding.decode(vector["access_key"]),
        SUITE.public_key_of(vector["reader_private_key"]),
        CLIENTS[vector["authorizer"]]["private_key"],
    )
    assert sealed == vector["response"]["eak"]


@named(SODIUM["fields"])
def test_fields_open(vector):
    assert fields.open_field(SUITE, encoding.decode(SODIUM["access_key"]), vector["quad"]) == plaintext(vector)


@named(SODIUM["fields"])
def test_fields_seal_to_the_same_text_under_the_same_randomness(vector, monkeypatch):
    key = encoding.decode(SODIUM["access_key"])
    sealed_key, key_nonce, _, value_nonce = map(encoding.decode, vector["quad"].split("."))
    randomness = iter([SUITE.open(key, sealed_key, key_nonce), key_nonce, value_nonce])
    monkeypatch.setattr(fields, "urandom", lambda _size: next(randomness))
    assert fields.seal_field(SUITE, key, plaintext(vector)) == vector["quad"]


def test_a_record_of_the_original_client_opens():
    key = encoding.decode(SODIUM["access_key"])
    quads = SODIUM["sdk_encrypted_record"]["data"]
    opened = {name: fields.open_field(SUITE, key, quad) for name, quad in quads.items()}
    assert opened == SODIUM["sdk_encrypted_record_plaintext"]


@named([vector for vector in NEGATIVE if vector["kind"] == "field"])
def test_a_spoilt_field_is_refused_without_showing_it(vector):
    with pytest.raises(IntegrityError) as caught:
        fields.open_field(SUITE, encoding.decode(vector["access_key"]), vector["quad"])
    assert not any(part and part in str(caught.value) for part in vector["quad"].split("."))


@named([vector for vector in NEGATIVE if vector["kind"] == "eak"])
def test_a_spoilt_access_key_is_refused(vector):
    response = vector["response"]
    with pytest.raises(IntegrityError):
        access_keys.open_access_key(SUITE, response["eak"], response["authorizer_public_key"]["curve25519"], vector["reader_private_key"])


def test_the_negative_vectors_are_all_there():
    assert len(NEGATIVE) == 24
