"""Records as rows: meta columns, then the columns that were asked for, as the policy lets them be seen (design sections 3.1 and 4.8)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from e3db_connectors.errors import UsageError, ValueMismatch
from e3db_connectors.policy import ColumnPlan, FieldCounts, Policy, Pseudonymiser, Treatment
from e3db_connectors.policy.rules import Ciphertext, Decrypt
from e3db_connectors.sync.column_schemas import require_schemas
from e3db_connectors.sync.fits import fit_of
from e3db_connectors.sync.names import META_PREFIX, column_names, require_several, slug
from e3db_connectors.sync.values import TEXT, Schema, from_text, is_text, nullable
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.policy.counts import Counted
    from e3db_connectors.wire.records import Meta, Result

KEY: Final = "_e3db_record_id"
CURSOR: Final = "_e3db_last_modified"
EXTRA: Final = "_extra"
"""The column of fields that are in no schema."""

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
_EXTRA_SCHEMA: Final[Schema] = {"type": ["object", "null"], "additionalProperties": True}

UnknownFields = Literal["json_column", "drop", "error"]

_SHAPES_MAX: Final = 1000
"""Sets of fields of which it is remembered what becomes of them; records of one type have few."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Shape:
    """What becomes of the fields of records that have the same ones.

    Args:
        opened: Fields to open: their column, and what turns their text into what is shown.
        passed: Fields shown sealed, and their column.
        extra: Fields that are in no schema and are shown.
        counted: How all of them are counted.
        plainly: All fields are opened, and shown as their text in a column of their name. So it is with most records, and quickly done.
    """

    opened: dict[str, tuple[str, Callable[[str], Any]]]
    passed: dict[str, str]
    extra: dict[str, Treatment]
    counted: tuple[Counted, ...]
    plainly: bool


@dataclass
class RowReader:
    """Turns records of one type into rows; several threads may share one.

    Args:
        client: Whose keys open the fields.
        record_type: Their type.
        fields: The fields that there are, and what they are to be read as.
        selected: The columns that were asked for; None: all. Fields of other columns are never decrypted.
        counts: Where it is counted what has been done with fields.
        policy: The rules on columns.
        pseudonymiser: What makes pseudonyms, if a rule asks for them.
        unknown_fields: Fields that are not in *fields* go into the object `_extra` (``json_column``), are left out unopened
            (``drop``) or are an error (``error``).

    Raises:
        ConfigError: The policy does not fit the fields.
        UsageError: The columns that were asked for are no list, or the fields have no schemas.
    """

    client: Client
    record_type: str
    fields: Mapping[str, Schema]
    selected: Collection[str] | None = None
    counts: FieldCounts = field(default_factory=FieldCounts)
    policy: Policy = field(default_factory=Policy)
    pseudonymiser: Pseudonymiser | None = None
    unknown_fields: UnknownFields = "json_column"

    def __post_init__(self) -> None:
        """Decide once what becomes of each field."""
        if self.unknown_fields not in get_args(UnknownFields):
            raise UsageError(f"unknown_fields must be one of {', '.join(get_args(UnknownFields))}")
        require_several(self.selected, "columns")
        require_schemas(self.fields)
        self._plan = ColumnPlan(
            self.policy, self.record_type, _columns(self.fields), selected=self.selected, pseudonymiser=self.pseudonymiser
        )
        extra_wanted = self.unknown_fields == "json_column" and (self.selected is None or EXTRA in self.selected)
        self._extra = EXTRA if extra_wanted else None
        shown = self._plan.shown()
        self._empty = {treatment.column: treatment.rule.fixed() for treatment in shown.values()}
        self._empty |= {EXTRA: None} if extra_wanted else {}
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._told: set[str] = set()

    def columns(self) -> dict[str, Schema]:
        """The JSON Schema of each column of a row; data columns are nullable."""
        shown = self._plan.shown().items()
        data = {treatment.column: nullable(treatment.rule.schema(self.fields[name])) for name, treatment in shown}
        return META_COLUMNS | data | ({EXTRA: _EXTRA_SCHEMA} if self._extra else {})

    def treatments(self) -> Mapping[str, Treatment]:
        """What becomes of each known field."""
        return self._plan.fields

    def row(self, result: Result) -> dict[str, Any]:
        """The row of a record.

        Raises:
            IntegrityError: A field does not open.
            ValueMismatch: A value does not fit its column, or there is none for it. The text names record and column, not the value.
        """
        sealed = result.record_data or {}
        shape = self._shape(result.meta, sealed)
        self.counts.add(shape.counted)
        row = meta_row(result.meta) | self._empty
        if shape.plainly:
            row.update(self.client.open(result, shape.opened.keys()).data)
            return row
        for name, column in shape.passed.items():
            row[column] = sealed[name]
        if shape.extra:
            row[EXTRA] = {name: sealed[name] if _is_passed(each) else each.rule.fixed() for name, each in shape.extra.items()}
        opened = self.client.open(result, shape.opened.keys()).data if shape.opened else {}
        for name, text in opened.items():
            column, shown = shape.opened[name]
            place, key = (row[EXTRA], name) if name in shape.extra else (row, column)
            try:
                place[key] = shown(text)
            except UsageError as exc:
                raise ValueMismatch(result.meta.record_id, column, str(exc)) from None
        return row

    def _converter(self, name: str, treatment: Treatment) -> Callable[[str], Any]:
        """What turns a field's text into what is shown of it."""
        schema = self.fields.get(name, TEXT)
        if is_text(schema):
            return treatment.value
        require, value = fit_of(schema), treatment.value
        return lambda text: value(require(from_text(text, schema), text))

    def _shape(self, meta: Meta, sealed: Mapping[str, str]) -> _Shape:
        names = tuple(sealed)
        shape = self._shapes.get(names)
        if shape is None:
            shape = self._new_shape(meta, names)
            if len(self._shapes) < _SHAPES_MAX:
                self._shapes[names] = shape
        return shape

    def _new_shape(self, meta: Meta, names: Collection[str]) -> _Shape:
        known = {name: self._plan.fields[name] for name in names if name in self._plan.fields}
        unknown = {name: self._plan.unknown(name, self._extra) for name in names if name not in known}
        self._tell_of_unknown(meta, unknown)
        every = known | unknown
        return _Shape(
            opened={name: (each.column, self._converter(name, each)) for name, each in every.items() if each.rule.opens},
            passed={name: each.column for name, each in known.items() if _is_passed(each)},
            extra={name: each for name, each in unknown.items() if each.rule.shown},
            counted=tuple((EXTRA if name in unknown else each.column, each.rule.bucket) for name, each in every.items()),
            plainly=bool(known) and not unknown and all(self._is_plain(name, each) for name, each in known.items()),
        )

    def _is_plain(self, name: str, treatment: Treatment) -> bool:
        return isinstance(treatment.rule, Decrypt) and treatment.column == name and is_text(self.fields[name])

    def _tell_of_unknown(self, meta: Meta, unknown: Mapping[str, Treatment]) -> None:
        for name, treatment in unknown.items():
            if self.unknown_fields == "error":
                raise ValueMismatch(meta.record_id, name, f"no schema of type {self.record_type} has such a field")
            if name not in self._told and len(self._told) < _SHAPES_MAX:
                self._told.add(name)
                fate = f"goes into {EXTRA}" if treatment.rule.shown else "is left out"
                _log.warning("field %s of %s is in no schema and %s", name, self.record_type, fate)


def _columns(fields: Mapping[str, Schema]) -> dict[str, str]:
    """The column of each field, in the schema's order; one that is called like the column of unknown fields is renamed."""
    columns = column_names(fields)
    return {name: slug(name) if columns[name].lower() == EXTRA else columns[name] for name in fields}


def _is_passed(treatment: Treatment) -> bool:
    return isinstance(treatment.rule, Ciphertext)


def meta_row(meta: Meta) -> dict[str, Any]:
    """The meta columns of a record; the connector's own plain members are left out."""
    plain = {name: value for name, value in (meta.plain or {}).items() if not name.startswith(META_PREFIX)}
    return {
        KEY: meta.record_id,
        "_e3db_version": meta.version,
        "_e3db_writer_id": meta.writer_id,
        "_e3db_user_id": meta.user_id,
        "_e3db_created": times.rendered(meta.created),
        CURSOR: times.rendered(meta.last_modified),
        "_e3db_plain": plain,
    }
