"""TSV1 request signing against vectors that existing clients made."""

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from e3db_connectors.crypto import signatures
from e3db_connectors.errors import EncodingError
from e3db_connectors.wire import tsv1

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
MADE = VECTORS["tsv1"]
FROM_JS = VECTORS["from_js"]["tsv1"]
NEGATIVE = [vector for vector in VECTORS["negative"] if vector["kind"] == "tsv1"]


def by_number(vectors):
    return pytest.mark.parametrize("vector", vectors, ids=map(str, range(len(vectors))))


def accepts(authorization, method, url):
    header = tsv1.parse_header(authorization)
    if header is None:
        return False
    parts = urlsplit(url)
    texts = [header.to_sign(method, parts.path, query) for query in tsv1.accepted_queries(parts.query)]
    try:
        return any(signatures.verify(signatures.digest(text), header.signature, header.public_key) for text in texts)
    except EncodingError:
        return False


@by_number(MADE)
def test_requests_are_signed_to_the_same_header(vector):
    parts = urlsplit(vector["url_sent"])
    header = tsv1.Tsv1Header(vector["public_signing_key"], int(vector["timestamp"]), vector["nonce"], vector["client_id"] or "")
    text = header.to_sign(vector["method"], parts.path, tsv1.canonical_query(parts.query))
    assert text == vector["string_to_sign"]
    assert signatures.digest(text).hex() == vector["blake2b_256_hex"]
    signature = signatures.sign(signatures.digest(text), vector["private_signing_key"])
    assert f"{header.unsigned()}; {signature}" == vector["authorization"]


@by_number(MADE)
def test_requests_of_the_python_client_are_accepted(vector):
    assert accepts(vector["authorization"], vector["method"], vector["url_sent"])


@by_number(FROM_JS)
def test_requests_of_the_javascript_client_are_accepted(vector):
    assert accepts(vector["authorization"], vector["method"], vector["url"])


@by_number(MADE)
def test_the_other_clients_forms_are_accepted_unless_they_are_ambiguous(vector):
    query = urlsplit(vector["url_sent"]).query
    forms = tsv1.accepted_queries(query)
    assert vector["canonical_query"]["python"] in forms
    if not any(character in query for character in "%+;"):
        assert set(vector["canonical_query"].values()) <= set(forms)


@pytest.mark.parametrize("vector", NEGATIVE, ids=lambda vector: vector["name"])
def test_spoilt_requests_are_refused(vector):
    assert not accepts(vector["authorization"], vector["method"], vector["url"])


def test_two_requests_never_share_a_text_that_is_accepted():
    one, other = "a=1&b=2", "a=1%26b%3D2"
    assert not set(tsv1.accepted_queries(one)) & set(tsv1.accepted_queries(other))
