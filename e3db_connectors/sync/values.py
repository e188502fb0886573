"""Values of columns as E3DB's texts, and back (design section 3.1).

A column that can only be text is stored as it is. Every other column is stored as compact JSON: strings quoted,
numbers by their literal, so that decimals keep their digits.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]
"""JSON Schema of one column."""

TEXT: Schema = {"type": ["string", "null"]}
"""What a column is of which nothing is known."""

_ANNOTATIONS = {"description", "title", "default", "examples", "$comment", "$id", "$schema"}

_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")


def is_text(schema: Schema) -> bool:
    """Whether a column of this schema can only hold text or null."""
    kind = schema.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind or ())
    return "string" in kinds and kinds <= {"string", "null"}


def to_text(value: Any, schema: Schema) -> str | None:
    """The text to store, or None for a null, which is left out."""
    if value is None:
        return None
    if is_text(schema) and isinstance(value, str):
        return value
    return _encoder.encode(value).decode()


def from_text(text: str, schema: Schema) -> Any:
    """The value of a stored text.

    Args:
        text: The text.
        schema: What the column is read as. A column that has become text shows older values as their JSON.

    Raises:
        UsageError: The text is no JSON, though the column is not text. Its message does not hold the text.
    """
    if is_text(schema):
        return text
    try:
        return _decoder.decode(text)
    except (ValueError, ArithmeticError, RecursionError):
        raise UsageError("a value is no JSON, though its column's schema is not text") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


_decoder = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


def nullable(schema: Schema) -> Schema:
    """The same schema, with null allowed: an absent column reads as null."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {**schema, "type": [kind] if kind == "null" else [kind, "null"]}
    if isinstance(kind, list):
        return schema if "null" in kind else {**schema, "type": [*kind, "null"]}
    for choice in ("anyOf", "oneOf"):
        if choice in schema and {"type": "null"} not in schema[choice]:
            return {**schema, choice: [*schema[choice], {"type": "null"}]}
    return schema


def kind_of(schema: Schema) -> str:
    """What a schema allows, as a text: equal for schemas that differ in words, in the order of types or in allowing null."""
    return _canonical_encoder.encode(_bare(nullable(schema))).decode()


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    bare = {name: _bare(value) for name, value in schema.items() if name not in _ANNOTATIONS}
    if isinstance(bare.get("type"), list):
        bare["type"] = sorted(map(str, bare["type"]))
    return bare


def encode_schemas(schemas: Mapping[str, Schema]) -> str:
    """Columns with their schemas as JSON, in their order, numbers by their literal."""
    return _encoder.encode(schemas).decode()


def decode_schemas(text: str) -> dict[str, Schema]:
    """The inverse.

    Raises:
        ValueError: It is no JSON object of objects.
    """
    schemas = json.loads(text, parse_float=Decimal)
    if not isinstance(schemas, dict) or not all(isinstance(schema, dict) for schema in schemas.values()):
        raise ValueError("no columns")
    return schemas
