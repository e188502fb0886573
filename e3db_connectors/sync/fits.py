"""Whether a value is what its column may hold, as far as the kinds of JSON go: what a loader would stumble over."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from e3db_connectors.sync.values import Schema

_KINDS: Final[dict[type, str]] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def fit_of(schema: Schema) -> Callable[[Any, str], Any]:
    """A check of values that were read from JSON: it takes a value and its JSON, and returns the value.

    Null fits everywhere, for an absent field reads as null. A schema that names no type allows any.

    The check raises:
        UsageError: The value is of another kind, or holds half a character. The text names kinds, not the value.
    """
    kind = schema.get("type")
    allowed = frozenset([kind] if isinstance(kind, str) else kind or ())

    def require(value: Any, text: str) -> Any:
        found = _KINDS[type(value)]
        if allowed and found not in allowed and found != "null" and not _fits_as_number(value, allowed):
            raise UsageError(f"this is {found}, and the column holds {' or '.join(sorted(allowed - {'null'}))}")
        if "\\u" in text and not _is_unicode(value):
            raise UsageError("this text is no Unicode: there is half a character in it")
        return value

    return require


def _fits_as_number(value: Any, allowed: frozenset[str]) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return "number" in allowed
    return isinstance(value, Decimal) and "integer" in allowed and value == value.to_integral_value()


def _is_unicode(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError:
        return False
    return True
