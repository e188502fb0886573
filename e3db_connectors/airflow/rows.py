"""Rows of Python values, written with the types that they have."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

from e3db_connectors.errors import UsageError
from e3db_connectors.sync.values import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing import Failures, RowWriter, WriteOptions

    Row = Mapping[str, Any]

Item = TypeVar("Item")

BATCH: Final = 1_000
"""Rows that are held at once."""

_KINDS: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    Decimal: "number",
    dict: "object",
    list: "array",
    tuple: "array",
}


def write(
    client: Client,
    record_type: str,
    rows: Iterable[Row],
    key_columns: Sequence[str],
    *,
    columns: Mapping[str, Schema] | None,
    options: WriteOptions,
    failures: Failures,
) -> dict[str, int]:
    """Write rows batch by batch; see `E3DBHook.write_rows`."""
    from e3db_connectors.sync.writing import OUTCOMES, open_writer

    counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    writer: RowWriter | None = None
    known: Mapping[str, Schema] = columns or {}
    for batch in batches(rows):
        needed = known if columns is not None else united(known, columns_of(record_type, batch))
        require_one_kind(record_type, needed, () if columns else key_columns)
        if writer is None or needed != known:
            writer = open_writer(client, record_type, needed, key_columns, options=options, failures=failures)
            known = needed
        counts.update(outcome.outcome for outcome in writer.write(batch))
    return dict(counts)


def delete(
    client: Client,
    record_type: str,
    rows: Iterable[Row],
    key_columns: Sequence[str],
    *,
    columns: Mapping[str, Schema] | None,
    options: WriteOptions,
) -> dict[str, int]:
    """Delete the records of rows batch by batch; see `E3DBHook.delete_rows`."""
    from e3db_connectors.sync.writing import DELETE_OUTCOMES, open_deleter

    counts: Counter[str] = Counter(dict.fromkeys(DELETE_OUTCOMES, 0))
    known: Mapping[str, Schema] = columns or {}
    for batch in batches(rows):
        keys = [{name: row[name] for name in key_columns if name in row} for row in batch]
        known = united(known, columns_of(record_type, keys)) if columns is None else columns
        require_one_kind(record_type, known, () if columns else key_columns)
        deleter = open_deleter(client, record_type, known, key_columns, options=options)
        counts.update(outcome.outcome for outcome in deleter.delete(keys))
    return dict(counts)


def require_one_kind(record_type: str, columns: Mapping[str, Schema], key_columns: Iterable[str], parameter: str = "columns") -> None:
    """Let pass key columns that hold either texts or other values: of both, the same text has two forms, and so two records.

    Args:
        record_type: What the rows become.
        columns: Their columns, as far as they are known.
        key_columns: Those of the key.
        parameter: Where the caller says of what type a column is.

    Raises:
        UsageError: One holds both.
    """
    for name in key_columns:
        kinds = columns.get(name, TEXT).get("type")
        if isinstance(kinds, list) and "string" in kinds and set(kinds) - {"string", "null"}:
            raise UsageError(
                f"the key column {name} of {record_type} holds texts and other values; make them all texts, or say which in `{parameter}`"
            )


def columns_of(record_type: str, rows: Iterable[Row]) -> dict[str, Schema]:
    """Columns with the types of their values; one with nulls alone is text, until there is a value.

    Raises:
        UsageError: A value is of no type that JSON has. The text names the column, never the value.
    """
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            of_column = kinds.setdefault(name, set())
            if value is None:
                continue
            if type(value) not in _KINDS:
                raise UsageError(f"column {name} of {record_type} holds {type(value).__name__}: make it text, or say how in `columns`")
            of_column.add(_KINDS[type(value)])
    return {name: _schema(found) for name, found in kinds.items()}


def united(known: Mapping[str, Schema], new: Mapping[str, Schema]) -> dict[str, Schema]:
    """Columns for rows of both; they have been made by `columns_of`."""
    return {name: _schema(_kinds_in(known.get(name)) | _kinds_in(new.get(name))) for name in {**known, **new}}


def _kinds_in(schema: Schema | None) -> set[str]:
    # TEXT itself stands for a column without a value, see `_schema`; a text's schema is equal to it, and another one.
    return set() if schema is None or schema is TEXT else set(schema["type"]) - {"null"}


def _schema(kinds: set[str]) -> Schema:
    if "number" in kinds:
        kinds = kinds - {"integer"}
    return {"type": [*sorted(kinds), "null"]} if kinds else TEXT


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """All items, some at a time."""
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch
