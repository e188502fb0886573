"""Rows of a query as rows that E3DB can hold: values of JSON, and columns of types that stay the same from batch to batch."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from e3db_connectors.airflow import rows as typed
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.values import TEXT
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e3db_connectors.sync.values import Schema

_SCHEMAS: Final[Mapping[str, Schema]] = {
    "integer": {"type": ["integer", "null"]},
    "number": {"type": ["number", "null"]},
    "boolean": {"type": ["boolean", "null"]},
    "time": {"type": ["string", "null"], "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
}

_TYPES: Final = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint"), "integer"),
    **dict.fromkeys(("real", "float", "double", "double precision", "numeric", "decimal"), "number"),
    "boolean": "boolean",
    "timestamp with time zone": "time",
    "date": "date",
}


class QueryColumns:
    """The columns of a query: as the database types them, and where it does not say, as their values are.

    Args:
        record_type: What the rows become.
        given: Columns whose schemas are given.
    """

    def __init__(self, record_type: str, given: Mapping[str, Schema]) -> None:
        """No row has been seen."""
        self._record_type, self._given = record_type, given
        self._found: Mapping[str, Schema] = {}

    def take(self, names: Sequence[str], types: Sequence[str | None], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
        """Rows of the query as rows of columns.

        Raises:
            UsageError: A value has no form in JSON; the text does not show it.
        """
        if len(set(names)) < len(names):
            raise UsageError("two columns of the query have the same name; name them apart with AS")
        parsed = [name for name, kind in zip(names, types, strict=True) if (kind or "").lower() == "json"]
        taken = [{name: _json_value(self._record_type, name, value) for name, value in zip(names, row, strict=True)} for row in rows]
        for row in taken:
            row.update({name: json.loads(row[name], parse_float=Decimal) for name in parsed if isinstance(row[name], str)})
        self._learn(names, types, taken)
        return taken

    def schemas(self) -> dict[str, Schema]:
        """The schema of each column, as far as it is known by now."""
        return {**self._found, **{name: schema for name, schema in self._given.items() if name in self._found}}

    def _learn(self, names: Sequence[str], types: Sequence[str | None], rows: Iterable[Mapping[str, Any]]) -> None:
        fixed = {name: _SCHEMAS[known] for name, kind in zip(names, types, strict=True) if (known := _known(kind))}
        open_names = [name for name in names if name not in fixed and name not in self._given]
        values = [{name: row[name] for name in open_names if row[name] is not None} for row in rows]
        before = {name: schema for name, schema in self._found.items() if name in open_names}
        learnt = typed.united(before, typed.columns_of(self._record_type, values))
        # A column without a value counts as text until there is one.
        self._found = {name: fixed.get(name) or learnt.get(name) or TEXT for name in names}


def _known(type_name: str | None) -> str | None:
    """What a database's type is in JSON, its precision aside."""
    return _TYPES.get((type_name or "").partition("(")[0].strip().lower())


def _json_value(record_type: str, name: str, value: Any) -> Any:
    """A value of a driver as one of JSON: times as RFC 3339, bytes as base64."""
    if value is None or isinstance(value, (str, bool, int, float, Decimal)):
        return value
    if isinstance(value, datetime):
        return times.render(value) if value.tzinfo else value.isoformat(timespec="microseconds")
    if isinstance(value, (date, time, UUID, timedelta)):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(bytes(value)).decode()
    if isinstance(value, dict):
        return {str(key): _json_value(record_type, name, member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(record_type, name, member) for member in value]
    raise UsageError(f"column {name} of {record_type} holds {type(value).__name__}, which JSON has not; make it text in the query")
