"""base64url."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import EncodingError


@given(st.binary())
def test_bytes_round_trip_without_padding(data):
    text = encoding.encode(data)
    assert "=" not in text
    assert encoding.decode(text) == data
    assert encoding.decode(text + "=" * (-len(text) % 4)) == data


@pytest.mark.parametrize("text", ["a", "ab+/", "ab cd", "ab\n", "é", "ab=c", "====", "AB"[:1] * 5])
def test_other_texts_are_refused_without_being_shown(text):
    with pytest.raises(EncodingError, match="this key is no base64url text") as caught:
        encoding.decode(text, what="key")
    assert caught.value.__cause__ is None


@given(st.text())
def test_no_text_raises_anything_else(text):
    with suppress(EncodingError):
        encoding.decode(text)


def test_a_wrong_length_is_refused():
    with pytest.raises(EncodingError, match="has 3 bytes instead of 32"):
        encoding.decode_exactly("AAAA", 32, what="key")
