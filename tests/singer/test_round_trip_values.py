"""tap(target(rows)) == rows, for whatever JSON Schemas and values there are; compared by their JSON texts, so that digits count."""

import base64
import json
from decimal import Decimal
from itertools import count

import pytest
import simplejson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from e3db_connectors.sync.rows import EXTRA

INTEGER, TEXT, NUMBER = {"type": ["integer", "null"]}, {"type": ["string", "null"]}, {"type": ["number", "null"]}
STREAMS = count()


def literal(value):
    return simplejson.dumps(value, use_decimal=True, sort_keys=True)


@pytest.fixture
def through(target, tap, messages):
    """Send rows through target and tap: ``through(columns, rows)``; they come back by their ids."""

    def send(columns, rows, stream=None, **options):
        stream = stream or f"t{next(STREAMS)}"
        schema = messages.schema(stream, id=INTEGER, **columns)
        target(schema, *(literal({"type": "RECORD", "stream": stream, "record": row}) for row in rows), max_workers=4)
        tap(settle=False, record_types=[stream], **options)
        lines = [json.loads(line, parse_float=Decimal) for line in tap.text.split("\n") if line]
        read = [line["record"] for line in lines if line["type"] == "RECORD"]
        return {row["id"]: {name: row[name] for name in row if not name.startswith("_e3db_") and name != EXTRA} for row in read}

    return send


decimals = st.decimals(allow_nan=False, allow_infinity=False)
integers = st.integers() | st.integers(-(10**40), 10**40)
texts = st.text() | st.text(st.characters(min_codepoint=0x10000)) | st.text(st.characters(max_codepoint=0x1F))
anything = st.recursive(
    st.none() | st.booleans() | integers | decimals | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects, arrays = st.dictionaries(texts, anything, max_size=3), st.lists(anything, max_size=3)
binary = st.binary(max_size=100).map(lambda data: base64.b64encode(data).decode())

PLAIN_KINDS = [
    ({"type": "string"}, texts),
    ({"type": "string", "contentEncoding": "base64"}, binary),
    ({"type": "string", "enum": ["", "a", "日本"]}, st.sampled_from(["", "a", "日本"])),
    ({"type": "integer"}, integers),
    ({"type": "number"}, integers | decimals),
    ({"type": "boolean"}, st.booleans()),
    ({"type": "object"}, objects),
    ({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": True}, st.fixed_dictionaries({"a": integers})),
    ({"type": "array"}, arrays),
    ({"type": "array", "items": {"type": "string"}}, st.lists(texts, max_size=3)),
    ({"type": ["integer", "string"]}, integers | texts),
    ({"type": ["string", "boolean", "number", "object", "array"]}, anything.filter(lambda value: value is not None)),
    ({"anyOf": [{"type": "integer"}, {"type": "array"}]}, integers | arrays),
]


def nullable(kind):
    schema, values = kind
    return {"anyOf": [schema, {"type": "null"}]} if "anyOf" in schema else _with_null(schema), st.none() | values


def _with_null(schema):
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return {**schema, "type": ["null", *kinds]} | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


kinds = st.sampled_from(PLAIN_KINDS) | st.sampled_from(PLAIN_KINDS).map(nullable) | st.just(({}, anything))
reserved = ("_e3db_", "_sdc_", "id", EXTRA)
names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda name: not name.lower().startswith(reserved)
)


@st.composite
def tables(draw):
    """Columns with their schemas, and rows that fit them; columns that may be null are left out of some rows."""
    columns = draw(st.dictionaries(names, kinds, min_size=1, max_size=6).filter(_are_distinct))
    optional = {name for name, (schema, _) in columns.items() if not schema or "null" in literal(schema)}
    rows = []
    for number in range(draw(st.integers(1, 12))):
        row = {name: draw(values) for name, (_, values) in columns.items() if name not in optional or draw(st.booleans())}
        rows.append({"id": number, **row})
    return {name: schema for name, (schema, _) in columns.items()}, rows


def _are_distinct(columns):
    return len({name.lower() for name in columns}) == len(columns)


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_whatever_the_schemas_the_rows_come_back_as_they_were(through, proof):
    examples = proof.size(15, 400)
    tried = count()

    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
        phases=[Phase.generate, Phase.shrink],
    )
    @given(tables())
    def check(table):
        columns, rows = table
        read = through(columns, rows)
        for row in rows:
            assert literal(read[row["id"]]) == literal({**dict.fromkeys(columns), **row})
        next(tried)

    check()
    proof.report("tap(target(rows)) == rows", tables=next(tried))


def test_every_character_there_is(through):
    """All code points but half characters, 16 planes of them, controls included."""
    size = 1 << 14
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    rows = [{"id": start, "text": "".join(characters[start : start + size])} for start in range(0, len(characters), size)]
    read = through({"text": TEXT}, rows)
    assert all(read[row["id"]] == row for row in rows)
    assert len(read) == len(rows) == 68


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TEXT, "x" * 100_000),
        (TEXT, "\U0001f600" * 25_000),
        (TEXT, bytes(range(256)).decode("latin-1")),
        (TEXT, ""),
        (TEXT, "null"),
        ({"type": "object"}, {}),
        ({"type": "array"}, []),
        ({}, ""),
        ({}, {"": {"": [{}]}}),
        ({"type": "object"}, {"a": "x" * 100_000, "deep": [[[[[{"b": None}]]]]]}),
        (INTEGER, 10**400),
        (NUMBER, Decimal("1.10")),
        (NUMBER, Decimal("0.1000000000000000055511151231257827021181583404541015625")),
        (NUMBER, Decimal("-1E-400")),
        ({"type": "array"}, [Decimal("1.0"), 1, True, None, "1.0"]),
    ],
    ids=lambda value: str(value)[:20],
)
def test_values_at_the_edges_come_back_as_they_were(schema, value, through):
    assert literal(through({"v": schema}, [{"id": 1, "v": value}])[1]["v"]) == literal(value)


def test_rows_before_and_after_a_schema_change_come_back_in_their_order(target, tap, messages):
    """A column is added, another changes from number to text, a third goes; the last row of each key counts."""
    steps = [
        ({"a": INTEGER, "b": TEXT}, {"a": 1, "b": "b"}),
        ({"a": INTEGER, "c": TEXT}, {"a": 2, "c": "c"}),
        ({"a": TEXT}, {"a": "three"}),
    ]
    lines = []
    for number, (columns, row) in enumerate(steps):
        lines += [
            messages.schema("t", id=INTEGER, **columns),
            messages.record("t", id=0, **row),
            messages.record("t", id=number + 1, **row),
        ]
    target(*lines)
    by_id = {row["id"]: row for row in tap(settle=False).data("t")}
    nothing = {"a": None, "b": None, "c": None}
    assert by_id == {
        0: {**nothing, "id": 0, "a": "three"},
        1: {**nothing, "id": 1, "a": "1", "b": "b"},
        2: {**nothing, "id": 2, "a": "2", "c": "c"},
        3: {**nothing, "id": 3, "a": "three"},
    }
