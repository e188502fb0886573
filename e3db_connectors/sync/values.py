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

_encoder = msgspec.json.Encoder(decimal_format="number")


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


def from_text(text: str, stored_as: Schema, wanted: Schema) -> Any:
    """The value of a stored text.

    Args:
        text: The text.
        stored_as: The column's schema when the row was written.
        wanted: Its schema now; a column that has become text shows old values as their JSON.

    Raises:
        UsageError: The text is no JSON, though the column is not text. Its message does not hold the text.
    """
    if is_text(stored_as) or is_text(wanted):
        return text
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise UsageError("a value is no JSON, though its column's schema is not text") from None


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


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


def canonical(schemas: Mapping[str, Schema]) -> str:
    """Schemas as one text that is equal where they are."""
    return json.dumps(schemas, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
