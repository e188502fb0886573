"""Values of columns as E3DB's texts, and back (design section 3.1).

A column that can only be text is stored as it is. Every other column is stored as compact JSON: strings quoted,
numbers by their literal, so that decimals keep their digits.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.errors import UsageError
from e3db_connectors.sync.column_schemas import require_schemas

if TYPE_CHECKING:
    from collections.abc import Mapping

Schema = dict[str, Any]
"""JSON Schema of one column."""

TEXT: Schema = {"type": ["string", "null"]}
"""What a column is of which nothing is known."""

_ANNOTATIONS = {"description", "title", "default", "examples", "$comment", "$id", "$schema"}

_INTEGER: Final = re.compile(r"-?[0-9]+", re.ASCII)
_DIGITS_MAX: Final = 1000

_encoder = msgspec.json.Encoder(decimal_format="number")
_canonical_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")


def is_text(schema: Schema) -> bool:
    """Whether a column of this schema can only hold text or null."""
    return _is_only(schema, "string")


def is_integer(schema: Schema) -> bool:
    """Whether a column of this schema can only hold whole numbers or null."""
    return _is_only(schema, "integer")


def _is_only(schema: Schema, wanted: str) -> bool:
    kind = schema.get("type")
    kinds = {kind} if isinstance(kind, str) else set(kind or ())
    return wanted in kinds and kinds <= {wanted, "null"}


def canonical_integer(text: str) -> str:
    """The text of a whole number as an integer is written: JSON may also write it as ``1.0`` or ``1e2``. Other texts stay."""
    if _INTEGER.fullmatch(text):
        return text
    try:
        number = Decimal(text)
        if number.is_finite() and number.adjusted() <= _DIGITS_MAX and number == number.to_integral_value():
            return str(int(number))
    except ArithmeticError:
        pass
    return text


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
        UsageError: It is no JSON, or there is something else than schemas.
    """
    try:
        schemas: dict[str, Schema] = _decoder.decode(text)
    except (ValueError, ArithmeticError, RecursionError):
        raise UsageError("it is no JSON") from None
    require_schemas(schemas)
    return schemas
