"""Field quads beyond the vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.crypto import fields
from e3db_connectors.crypto.access_keys import generate_access_key
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import IntegrityError

SUITE = SodiumSuite()
KEY = generate_access_key()


@given(st.text())
def test_any_text_round_trips(text):
    assert fields.open_field(SUITE, KEY, fields.seal_field(SUITE, KEY, text)) == text


def test_equal_values_seal_differently():
    assert fields.seal_field(SUITE, KEY, "same") != fields.seal_field(SUITE, KEY, "same")


@given(st.integers(0, 3), st.integers(0, 10_000), st.sampled_from("ABCDwxyz0189-_"))
def test_a_changed_character_is_refused(part, position, character):
    parts = QUAD.split(".")
    position %= len(parts[part])
    changed = parts[part][:position] + character + parts[part][position + 1 :]
    if changed == parts[part]:
        return
    parts[part] = changed
    with pytest.raises(IntegrityError):
        fields.open_field(SUITE, KEY, ".".join(parts))


QUAD = fields.seal_field(SUITE, KEY, "a secret of some length, with é and 日本")


@given(st.text())
def test_arbitrary_text_is_refused_and_nothing_else_is_raised(text):
    with pytest.raises(IntegrityError):
        fields.open_field(SUITE, KEY, text)
