"""Whether schemas of columns are any: those that others have stored, settings and SCHEMA messages all pass here before they are used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEPTH_MAX: Final = 64
"""Of lists and objects within each other: more than any table needs, and little enough for everything that walks through a schema."""

_KINDS: Final = frozenset({"string", "integer", "number", "boolean", "object", "array", "null"})


def require_schemas(columns: Any) -> None:
    """Let pass what maps names of columns to JSON Schemas that can be worked with. It is no full check against the metaschema.

    Raises:
        UsageError: It does not. The text names the column.
    """
    if not isinstance(columns, Mapping):
        raise UsageError("columns map their names to JSON Schemas")
    for name, schema in columns.items():
        if not isinstance(name, str) or not isinstance(schema, dict):
            raise UsageError(f"column {name!a}: its schema must be an object")
        wrong = _wrong_form(name) or _wrong_form(schema) or _wrong(schema)
        if wrong:
            raise UsageError(f"column {name!a}: {wrong}")


def _wrong_form(value: Any, depth: int = 0) -> str:
    """What is wrong with a value of JSON, whatever it says."""
    if depth > _DEPTH_MAX:
        return "its schema is nested too deep"
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return "its schema holds half a character (a lone surrogate)"
    members = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next(filter(None, (_wrong_form(member, depth + 1) for member in members)), "")


def _wrong(schema: Any) -> str:
    """What is wrong with a schema, or with one within it."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, dict):
        return "a schema within its schema is none"
    for keyword, fits in _FITS.items():
        if keyword in schema and not fits(schema[keyword]):
            return f"its schema has a wrong {keyword}"
    return next(filter(None, map(_wrong, _within(schema))), "")


def _within(schema: dict[str, Any]) -> Iterator[Any]:
    """The schemas in a schema; their keywords hold what they may."""
    for keyword, fits in _FITS.items():
        value = schema.get(keyword)
        if fits is _is_object and value is not None:
            yield from value.values()
        elif fits is _is_choice and value is not None:
            yield from value
        elif fits is _is_schema and value is not None:
            yield value
    items = schema.get("items")
    yield from items if isinstance(items, list) else () if items is None else (items,)


def _is_type(value: Any) -> bool:
    kinds = [value] if isinstance(value, str) else value
    return isinstance(kinds, list) and bool(kinds) and all(isinstance(kind, str) and kind in _KINDS for kind in kinds)


def _is_choice(value: Any) -> bool:
    return isinstance(value, list) and bool(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_schema(value: Any) -> bool:
    return isinstance(value, (bool, dict))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


_FITS: Final[dict[str, Callable[[Any], bool]]] = {
    "type": _is_type,
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), _is_choice),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), _is_object),
    **dict.fromkeys(("additionalProperties", "not", "contains", "propertyNames"), _is_schema),
    "format": _is_text,
    **dict.fromkeys(("$ref", "$dynamicRef"), lambda value: isinstance(value, str) and value.startswith("#")),  # a loader might fetch others
    "items": lambda value: isinstance(value, (bool, dict, list)),
    "required": _is_texts,
    "enum": lambda value: isinstance(value, list),
}
"""What the keywords may hold that something goes by, here or in loaders."""
