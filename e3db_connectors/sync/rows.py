"""Records as rows: meta columns, then the columns that were asked for (design section 3.1)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import UsageError
from e3db_connectors.policy import ColumnPlan, FieldCounts
from e3db_connectors.sync.names import META_PREFIX, column_names
from e3db_connectors.sync.values import Schema, from_text, nullable
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Meta, Result

KEY: Final = "_e3db_record_id"
CURSOR: Final = "_e3db_last_modified"

_ID: Schema = {"type": "string"}
_TIME: Schema = {"type": "string", "format": "date-time"}
META_COLUMNS: Final[dict[str, Schema]] = {
    KEY: _ID,
    "_e3db_version": _ID,
    "_e3db_writer_id": _ID,
    "_e3db_user_id": _ID,
    "_e3db_created": _TIME,
    CURSOR: _TIME,
    "_e3db_plain": {"type": "object", "additionalProperties": {"type": "string"}},
}

_log = logging.getLogger(__name__)


@dataclass
class RowReader:
    """Turns records of one type into rows.

    Args:
        client: Whose keys open the fields.
        record_type: Their type.
        fields: The fields that there are, and what they are to be read as.
        selected: The columns that were asked for; None: all. Fields of other columns are never decrypted.
    """

    client: Client
    record_type: str
    fields: Mapping[str, Schema]
    selected: Collection[str] | None = None
    counts: FieldCounts = field(default_factory=FieldCounts)

    def __post_init__(self) -> None:
        """Decide once which fields are opened."""
        names = column_names(self.fields)
        self._column_of = {name: column for name, column in names.items() if self.selected is None or column in self.selected}
        self._plan = ColumnPlan(frozenset(self._column_of))
        self._unknown: set[str] = set()

    def columns(self) -> dict[str, Schema]:
        """The JSON Schema of each column of a row; data columns are nullable."""
        return META_COLUMNS | {column: nullable(self.fields[name]) for name, column in self._column_of.items()}

    def row(self, result: Result) -> dict[str, Any]:
        """The row of a record.

        Raises:
            IntegrityError: A field does not open.
            UsageError: A value does not fit its column. The text names record and column, not the value.
        """
        sealed = result.record_data or {}
        record = self.client.open(result, self._plan.choose(sealed, self.counts))
        row = meta_row(result.meta) | dict.fromkeys(self._column_of.values())
        for name, text in record.data.items():
            try:
                row[self._column_of[name]] = from_text(text, self.fields[name])
            except UsageError as exc:
                raise UsageError(f"record {result.meta.record_id}, column {name}: {exc}") from None
        self._warn_of_unknown(sealed)
        return row

    def _warn_of_unknown(self, sealed: Mapping[str, str]) -> None:
        for name in sealed.keys() - self.fields.keys() - self._unknown:
            self._unknown.add(name)
            _log.warning("field %s of %s is in no schema and is left out", name, self.record_type)


def meta_row(meta: Meta) -> dict[str, Any]:
    """The meta columns of a record; the connector's own plain members are left out."""
    plain = {name: value for name, value in (meta.plain or {}).items() if not name.startswith(META_PREFIX)}
    return {
        KEY: meta.record_id,
        "_e3db_version": meta.version,
        "_e3db_writer_id": meta.writer_id,
        "_e3db_user_id": meta.user_id,
        "_e3db_created": times.render(times.parse(meta.created)),
        CURSOR: times.render(times.parse(meta.last_modified)),
        "_e3db_plain": plain,
    }
