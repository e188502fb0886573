"""The quick look at a row's kinds says nothing else than jsonschema does."""

import socket
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import UsageError
from e3db_connectors.singer.validation import RowValidator, _JsonSchema

KINDS = ["string", "integer", "number", "boolean", "object", "array", "null"]
kinds = st.sampled_from(KINDS) | st.lists(st.sampled_from(KINDS), min_size=1, max_size=3, unique=True)
says_nothing = st.fixed_dictionaries({}, optional={"title": st.just("t"), "format": st.just("date-time"), "default": st.none()})
asks_more = st.fixed_dictionaries(
    {},
    optional={
        "maxLength": st.just(1),
        "maximum": st.just(1),
        "enum": st.just([1, "a", None]),
        "items": st.just({"type": "integer"}),
        "properties": st.just({"a": {"type": "integer"}}),
        "anyOf": st.just([{"type": "integer"}, {"type": "null"}]),
    },
)
columns = st.builds(
    lambda kind, nothing, more: ({} if kind is None else {"type": kind}) | nothing | more,
    st.none() | kinds,
    says_nothing,
    st.just({}) | asks_more,
)
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "long"])
decimals = st.sampled_from([Decimal("1.0"), Decimal("1.5"), Decimal("1E+5")])
values = scalars | decimals | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("ab"), scalars)
names = st.sampled_from("abc")
schemas = st.fixed_dictionaries(
    {"properties": st.dictionaries(names, columns)},
    optional={
        "type": st.just("object") | st.just(["null", "object"]) | st.just("array"),
        "required": st.lists(names, max_size=2, unique=True),
        "additionalProperties": st.booleans() | st.just({"type": "string"}),
        "maxProperties": st.just(1),
        "title": st.just("t"),
    },
)


def accepts(schema, row):
    try:
        RowValidator("t", schema).check(row)
    except UsageError:
        return False
    return True


@given(schemas, st.dictionaries(names, values))
def test_it_agrees_with_jsonschema(schema, row):
    assert accepts(schema, row) == _JsonSchema(schema).is_valid(row)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"a": "a-row-value"}, r"stream t: a breaks its schema \(type\)"),
        ({}, r"stream t: the row breaks its schema \(required\)"),
        ({"a": 1, "b": {"c": "a-row-value"}}, r"stream t: b\.c breaks its schema \(type\)"),
        ({"a": 1, "d": 1}, r"stream t: the row breaks its schema \(additionalProperties\)"),
    ],
)
def test_the_error_names_column_and_rule_and_no_value(row, words):
    nested = {"type": "object", "properties": {"c": {"type": "integer"}}}
    schema = {"properties": {"a": {"type": "integer"}, "b": nested}, "required": ["a"], "additionalProperties": False}
    with pytest.raises(UsageError, match=words) as refused:
        RowValidator("t", schema).check(row)
    assert "a-row-value" not in str(refused.value)


def test_a_schema_that_cannot_be_checked_is_told():
    with pytest.raises(UsageError, match="cannot be checked"):
        RowValidator("t", {"properties": {"a": {"$ref": "#/nowhere"}}}).check({"a": 1})
    with pytest.raises(UsageError, match=r"is no JSON Schema of draft 2020-12 .*validate_records: false"):
        RowValidator("t", {"properties": {"a": {"type": "no type"}}})


@pytest.fixture
def short_waits():
    """Who asks and gets no answer gives up soon."""
    socket.setdefaulttimeout(0.2)
    yield
    socket.setdefaulttimeout(None)


@pytest.mark.usefixtures("short_waits")
def test_nothing_is_fetched_that_a_schema_names(tmp_path):
    """A reference that leads elsewhere leads nowhere: neither requests nor files."""
    (tmp_path / "any.json").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        for reference in (f"http://127.0.0.1:{listener.getsockname()[1]}/x", (tmp_path / "any.json").as_uri()):
            validator = RowValidator("t", {"properties": {"a": {"$ref": reference}}})
            with pytest.raises(UsageError, match="cannot be checked"):
                validator.check({"a": 1})
        with pytest.raises(BlockingIOError):
            listener.accept()
