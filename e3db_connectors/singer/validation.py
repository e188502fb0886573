"""Rows checked against the JSON Schema of their stream: most by the kinds of their values alone, the rest by jsonschema."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from jsonschema import Draft202012Validator, SchemaError, validators
from referencing import Registry

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: Final[dict[str, frozenset[type]]] = {
    "string": frozenset([str]),
    "integer": frozenset([int]),
    "number": frozenset([int, float, Decimal]),
    "boolean": frozenset([bool]),
    "object": frozenset([dict]),
    "array": frozenset([list]),
    "null": frozenset([type(None)]),
}

_ANY: Final = frozenset().union(*_TYPES.values())

_SAYS_NOTHING: Final = frozenset(
    ["title", "description", "default", "examples", "format", "contentEncoding", "contentMediaType", "readOnly", "writeOnly", "deprecated"]
)
"""Keywords that no value can break; ``format`` is not checked here, as in the SDK."""


def _is_integer(_checker: Any, value: Any) -> bool:
    """1.0 is an integer to JSON Schema; here it is read as a Decimal, which keeps its digits."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


_JsonSchema = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


class RowValidator:
    """Checks rows of one stream.

    Args:
        stream: Its name.
        schema: Its JSON Schema.

    Raises:
        UsageError: The schema is none.
    """

    def __init__(self, stream: str, schema: dict[str, Any]) -> None:
        """Sort the columns into those that a look at the kind of a value does for, and the others."""
        try:
            _JsonSchema.check_schema(schema)
        except SchemaError as exc:
            raise UsageError(
                f"stream {stream}: its schema is no JSON Schema of draft 2020-12 ({exc.message[:200]}); "
                "validate_records: false turns the check off",
            ) from None
        self._stream = stream
        self._validator = _JsonSchema(schema, registry=Registry())  # jsonschema's own would fetch what `$ref` names
        self._kinds = _kinds_of_columns(schema)
        self._unknown = _ANY if schema.get("additionalProperties", True) is True else frozenset()
        self._required = frozenset(schema.get("required", ()))

    def check(self, row: Mapping[str, Any]) -> None:
        """Check a row.

        Raises:
            UsageError: It does not fit. The text names the column and the rule, never the value.
        """
        if self._kinds is not None and self._fits(row, self._kinds):
            return
        error = self._first_error(row)
        if error is not None:
            where = ".".join(map(str, error.path)) or "the row"
            raise UsageError(f"stream {self._stream}: {where} breaks its schema ({error.validator})")

    def _fits(self, row: Mapping[str, Any], kinds: Mapping[str, frozenset[type]]) -> bool:
        """Whether it is plain that a row fits; if not, it may fit all the same."""
        for name, value in row.items():
            if type(value) not in kinds.get(name, self._unknown):
                return False
        return self._required <= row.keys()

    def _first_error(self, row: Mapping[str, Any]) -> Any:
        try:
            return next(self._validator.iter_errors(row), None)
        except Exception as exc:  # noqa: BLE001 - a schema can ask for what cannot be done, such as a reference that leads nowhere
            raise UsageError(f"stream {self._stream}: its schema cannot be checked ({type(exc).__name__})") from None


def _kinds_of_columns(schema: Mapping[str, Any]) -> dict[str, frozenset[type]] | None:
    """The types of values that fit a column for sure; None if the schema asks more of a row than that of its columns."""
    if not schema.keys() <= {"type", "properties", "required", "additionalProperties", "$schema", *_SAYS_NOTHING}:
        return None
    if "object" not in _listed(schema.get("type", "object")):
        return None
    return {name: _kinds_of(column) for name, column in schema.get("properties", {}).items()}


def _kinds_of(column: Mapping[str, Any]) -> frozenset[type]:
    if not column.keys() <= {"type", *_SAYS_NOTHING}:
        return frozenset()
    return frozenset().union(*(_TYPES[kind] for kind in _listed(column["type"]))) if "type" in column else _ANY


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds
