"""Pseudonyms: the same everywhere under one key, and without the key nothing."""

import json
import pickle
import traceback
from decimal import Decimal
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import ConfigError
from e3db_connectors.policy import Pseudonymiser, pseudonymiser
from e3db_connectors.policy.texts import canonical

KEY = bytes(range(32))


def test_the_form_is_fixed():
    """Warehouses hold these: another form is another version."""
    made = Pseudonymiser(KEY)
    hashed = blake2b(b"Ada", digest_size=32, key=KEY, person=b"e3db.pseudonym1").digest()
    kid = blake2b(KEY, person=b"e3db.pseudonym1").hexdigest()[:8]
    assert made.pseudonym("Ada", made.domain()) == f"p1.{kid}.{encoding.encode(hashed)}"
    assert made.pseudonym("Ada", made.domain()) == "p1.f20629b3.LoN6LXOaFpJv4SIEjDGmP-VjTn1AikvphW4efC2ErRI"
    assert made.pseudonym("Ada", made.domain("research")) == "p1.f20629b3.H_Bks9hCguZGPHteFlIN4Aag5hQRCZ7IffXdRDSabqc"


def test_another_key_or_domain_gives_another_pseudonym():
    made, other = Pseudonymiser(KEY), Pseudonymiser(KEY[::-1])
    found = {each.pseudonym(text, each.domain(name)) for each in (made, other) for name in ("", "x", "y") for text in ("a", "b")}
    assert len(found) == 12


def test_a_key_may_be_text_and_come_from_the_environment():
    text = encoding.encode(KEY)
    other = {"E3DB_PSEUDONYM_KEY": encoding.encode(KEY[::-1])}
    assert repr(Pseudonymiser(text)) == repr(Pseudonymiser(KEY)) == repr(pseudonymiser(None, {"E3DB_PSEUDONYM_KEY": text}))
    assert repr(pseudonymiser(KEY, other)) == repr(Pseudonymiser(KEY)) != repr(pseudonymiser(None, other))
    assert pseudonymiser(None, {}) is None
    assert pseudonymiser(None, {"E3DB_PSEUDONYM_KEY": ""}) is None


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(65), "", "AAAA", "no base64url!", encoding.encode(bytes(31)), 40, None])
def test_a_weak_key_is_refused_and_not_shown(key):
    with pytest.raises(ConfigError, match="pseudonym key") as caught:
        Pseudonymiser(key)
    locals_of_frames = traceback.StackSummary.extract(traceback.walk_tb(caught.tb), capture_locals=True)
    shown = str(caught.value) + str([frame.locals for frame in locals_of_frames if frame.filename.endswith("/pseudonyms.py")])
    assert isinstance(key, int | None) or not key or (repr(key) not in shown and str(key) not in shown)


def test_the_key_does_not_show():
    made = Pseudonymiser(KEY)
    shown = repr(made) + str(vars(made)) + repr(made.domain()) + repr(made.domain("x"))
    assert repr(KEY) not in shown
    assert encoding.encode(KEY) not in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(made)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["5", 5, 5.0, Decimal("5.00"), Decimal("0.5E1")], "5"),
        ([0, -0.0, Decimal("-0.00"), Decimal("0E+9")], "0"),
        ([Decimal("1E+3"), 1000], "1000"),
        ([Decimal("1e9999999")], "1E+9999999"),
        ([Decimal("12345678901234567890123456789012345.10")], "12345678901234567890123456789012345.1"),
        ([True], "true"),
        ([{"b": [1, Decimal("1.10")], "a": "é"}, {"a": "é", "b": [1, Decimal("1.10")]}], '{"a":"é","b":[1,1.10]}'),
        ([" Ada "], " Ada "),
    ],
)
def test_equal_values_have_one_text(values, text):
    assert {canonical(value) for value in values} == {text}


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_number_is_the_number(value):
    assert json.loads(canonical(value), parse_float=Decimal) == value
