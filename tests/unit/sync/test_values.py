"""Values as texts, and back."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import UsageError
from e3db_connectors.sync import values

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ANYTHING = {}
TEXTS = [{"type": "string"}, {"type": ["string", "null"]}, {"type": ["null", "string"], "format": "date-time"}]
OTHERS = [{}, {"type": "integer"}, {"type": ["string", "integer"]}, {"type": "null"}, {"anyOf": [{"type": "string"}]}, {"type": []}]


@pytest.mark.parametrize(("schema", "text"), [*((schema, True) for schema in TEXTS), *((schema, False) for schema in OTHERS)])
def test_only_a_column_that_can_be_nothing_but_text_is_text(schema, text):
    assert values.is_text(schema) is text


@given(JSON.filter(lambda value: value is not None))
def test_any_json_value_round_trips(value):
    text = values.to_text(value, ANYTHING)
    assert values.from_text(text, ANYTHING) == value


@given(st.text())
def test_text_is_stored_as_it_is(value):
    assert values.to_text(value, TEXTS[0]) == value
    assert values.from_text(value, TEXTS[1]) == value


@pytest.mark.parametrize(
    "literal", ["1.10", "0.0000001", "123456789012345678901234567890", "1E+400", "-0.0", "12345678901234567890.123456789012345678901"]
)
def test_numbers_keep_their_literal(literal):
    value = json.loads(literal, parse_float=Decimal)
    text = values.to_text(value, {"type": "number"})
    again = values.from_text(text, {"type": "number"})
    assert str(again) == str(value)
    assert values.to_text(again, {"type": "number"}) == text


def test_null_is_left_out():
    assert values.to_text(None, ANYTHING) is None


def test_a_column_that_became_text_shows_old_values_as_json():
    assert values.from_text('{"a":1}', values.TEXT) == '{"a":1}'


@pytest.mark.parametrize("text", ["", "{", "NaN", "Infinity", "secret", "[" * 100_000])
def test_what_is_no_json_is_refused_and_not_shown(text):
    with pytest.raises(UsageError) as caught:
        values.from_text(text, {"type": "integer"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, {"type": ["integer", "null"]}),
        ({"type": ["integer", "null"]}, {"type": ["integer", "null"]}),
        ({"type": "null"}, {"type": ["null"]}),
        ({"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({}, {}),
    ],
)
def test_an_absent_column_may_be_null(schema, expected):
    assert values.nullable(schema) == expected


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"type": "integer"}, {"type": ["null", "integer"]}, True),
        ({"type": ["integer", "null"]}, {"type": ["null", "integer"]}, True),
        ({"type": "object"}, {"type": "object", "description": "words"}, True),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {"type": "object", "properties": {"a": {"type": "string"}}}, False),
        ({"type": "integer"}, {"type": "number"}, False),
        ({"type": "string"}, {"type": "string", "format": "date-time"}, False),
    ],
)
def test_schemas_are_of_one_kind_if_they_differ_only_in_words_order_or_null(one, other, alike):
    assert (values.kind_of(one) == values.kind_of(other)) is alike


def test_schemas_keep_their_order_and_the_digits_of_their_numbers():
    schemas = {"z": {"type": "number", "multipleOf": Decimal("1E-10"), "minimum": Decimal("-1.50")}, "a": {}}
    again = values.decode_schemas(values.encode_schemas(schemas))
    assert again == schemas
    assert list(again) == ["z", "a"]
