"""Rows as texts, column by column."""

from __future__ import annotations

import logging
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from e3db_connectors.errors import UsageError
from e3db_connectors.sync.values import Schema, is_text, to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)


class RowEncoder:
    """Turns rows of one stream into the texts to store.

    Args:
        record_type: Its type.
        columns: Column → JSON Schema.
    """

    def __init__(self, record_type: str, columns: Mapping[str, Schema]) -> None:
        """Keep what a row may hold."""
        self._record_type = record_type
        self._columns = {name: (schema, is_text(schema)) for name, schema in columns.items()}
        self._left_out: set[str] = set()

    def encode(self, row: Mapping[str, Any]) -> dict[str, str]:
        """The texts of a row; nulls are left out, and so is, with a warning, what is not in the schema.

        Raises:
            UsageError: A value cannot be stored. The text names the column, never the value.
        """
        for name in row.keys() - self._columns.keys() - self._left_out:
            self._left_out.add(name)
            _log.warning("column %s of %s is not in its schema and is left out", name, self._record_type)
        texts = {}
        for name, (schema, text_only) in self._columns.items():
            value = row.get(name)
            if value is not None:
                texts[name] = value if text_only and isinstance(value, str) else self._json(name, value, schema)
        return texts

    def _json(self, name: str, value: Any, schema: Schema) -> str:
        if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, Decimal) and not value.is_finite()):
            raise UsageError(f"column {name} of {self._record_type}: a number that JSON does not have")
        try:
            return cast("str", to_text(value, schema))  # only nulls have no text
        except (TypeError, ValueError, OverflowError, RecursionError):
            raise UsageError(f"column {name} of {self._record_type}: a value that cannot be written as JSON") from None
