"""What a column holds, whatever the database calls it, and values as it takes them."""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.sync.file_formats import text_of
from e3db_connectors.sync.rows import META_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from e3db_connectors.sync.values import Schema

TEXT: Final = "text"
INTEGER: Final = "integer"
NUMBER: Final = "number"
BOOLEAN: Final = "boolean"
JSON: Final = "json"
TIME: Final = "time"

_INTEGER_MAX: Final = 2**63
_DIGITS_MAX: Final = 1_000
_NUL_IN_JSON: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_encoder: Final = msgspec.json.Encoder(decimal_format="number")


def kind_of(column: str, schema: Schema) -> str:
    """What a column of this schema holds; one of several kinds holds text, and in it JSON of whatever is none."""
    if META_COLUMNS.get(column, {}).get("format") == "date-time":
        return TIME
    kind = schema.get("type")
    kinds = ({kind} if isinstance(kind, str) else set(kind or ())) - {"null"}
    if kinds and kinds <= {"object", "array"}:
        return JSON
    if kinds == {"integer", "number"}:
        return NUMBER
    return next(iter(kinds)) if kinds in ({BOOLEAN}, {INTEGER}, {NUMBER}) else TEXT


def wider(one: str, other: str) -> str:
    """What holds the values of both."""
    if one == other:
        return one
    return NUMBER if {one, other} == {INTEGER, NUMBER} else TEXT


def converter(kind: str, *, exact_numbers: bool, takes_nul: bool) -> Callable[[Any], Any]:
    """What turns a row's value into a parameter.

    It raises:
        ValueError: The column cannot hold the value. The text does not show it.

    Args:
        kind: The column's.
        exact_numbers: The database keeps all digits of a number.
        takes_nul: It keeps the character NUL.
    """
    if kind == NUMBER:
        return _exact if exact_numbers else _double
    if kind in (TEXT, TIME):
        return text_of if takes_nul else _text_without_nul
    if kind == JSON:
        return _json if takes_nul else _json_without_nul
    return _integer if kind == INTEGER else bool


def _text_without_nul(value: Any) -> str | None:
    text = text_of(value)
    if text and ("\0" in text or (not isinstance(value, str) and _NUL_IN_JSON.search(text))):
        raise ValueError("this text holds the character NUL, which this database does not keep")
    return text


def _json(value: Any) -> str:
    return _encoder.encode(value).decode()


def _json_without_nul(value: Any) -> str:
    _require_fitting_numbers(value)
    text = _json(value)
    if _NUL_IN_JSON.search(text):
        raise ValueError("a text in it holds the character NUL, which this database does not keep")
    return text


def _require_fitting_numbers(value: Any) -> None:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += each.values()
        elif isinstance(each, list):
            left += each
        elif isinstance(each, Decimal):
            _exact(each)


def _integer(value: int | Decimal) -> int:
    if not -_INTEGER_MAX <= value < _INTEGER_MAX:  # before it is written out: its exponent may be huge
        raise ValueError("this number is too large for 64 bits; declare the column as number or string")
    return int(value)


def _double(value: float | Decimal) -> float:
    try:
        made = float(value)
    except OverflowError:
        made = float("inf")
    if not isfinite(made):
        raise ValueError("this number is too large for a double; declare the column as string")
    return made


def _exact(value: float | Decimal) -> int | float | Decimal:
    if isinstance(value, Decimal) and abs(value.adjusted()) > _DIGITS_MAX:
        raise ValueError(f"this number has more than {_DIGITS_MAX} digits; declare the column as string")
    return value
