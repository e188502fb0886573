"""Rows as files: JSON lines, CSV and Parquet."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from importlib import import_module
from math import isfinite
from typing import IO, TYPE_CHECKING, Any, Final, Protocol

import msgspec

from e3db_connectors.errors import UsageError, ValueMismatch
from e3db_connectors.sync.rows import KEY, META_COLUMNS
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from e3db_connectors.sync.values import Schema

    Row = Mapping[str, Any]
    Refused = Callable[[Row, ValueMismatch], None]
    Make = Callable[[IO[bytes], Mapping[str, Schema], Refused], "RowFile"]

_encoder: Final = msgspec.json.Encoder(decimal_format="number")
_TO_QUOTE: Final = re.compile(r'[",\r\n]|^\s|\s$')

ROW_GROUP: Final = 10_000
"""Rows that are in memory before a Parquet file takes them."""

_INTEGER_MAX: Final = 2**63


class RowFile(Protocol):
    """Takes rows; all columns of all rows are known before."""

    def write(self, rows: Sequence[Row]) -> int:
        """Take some rows; how many of them are, or will be, in the file."""

    def close(self) -> None:
        """Write what is left; the file itself stays open."""

    def abort(self) -> None:
        """Let go; what has been written is of no use."""


def _raise(_row: Row, error: ValueMismatch) -> None:
    raise error


class JsonLines:
    """A JSON object a line; numbers keep their digits."""

    def __init__(self, file: IO[bytes], columns: Mapping[str, Schema], _refused: Refused = _raise) -> None:
        """Begin."""
        self._file, self._columns = file, tuple(columns)

    def write(self, rows: Sequence[Row]) -> int:
        """Write a line each."""
        self._file.write(_encoder.encode_lines([{column: row[column] for column in self._columns} for row in rows]))
        return len(rows)

    def close(self) -> None:
        """There is nothing left."""

    def abort(self) -> None:
        """There is nothing to let go."""


class Csv:
    """RFC 4180 with a head line. Null is an empty cell, an empty text is quoted; objects and lists are compact JSON."""

    def __init__(self, file: IO[bytes], columns: Mapping[str, Schema], _refused: Refused = _raise) -> None:
        """Write the head."""
        self._file, self._columns = file, tuple(columns)
        self._write([self._columns])

    def write(self, rows: Sequence[Row]) -> int:
        """Write a line each."""
        self._write([[text_of(row[column]) for column in self._columns] for row in rows])
        return len(rows)

    def close(self) -> None:
        """There is nothing left."""

    def abort(self) -> None:
        """There is nothing to let go."""

    def _write(self, lines: Sequence[Sequence[str | None]]) -> None:
        self._file.write("".join(",".join(map(_cell, line)) + "\r\n" for line in lines).encode())


class Parquet:
    """Columns of booleans, 64-bit integers, doubles, times (of meta columns) and texts; whatever is none of these is compact JSON."""

    def __init__(self, file: IO[bytes], columns: Mapping[str, Schema], refused: Refused = _raise) -> None:
        """Begin.

        Raises:
            UsageError: `pyarrow` is not installed.
        """
        try:
            self._arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError:
            raise UsageError("Parquet needs pyarrow: pip install 'e3db-connectors[export]', or write .jsonl or .csv") from None
        types: dict[str, tuple[Any, Callable[[Any], Any]]] = {
            "boolean": (self._arrow.bool_(), bool),
            "integer": (self._arrow.int64(), _integer),
            "number": (self._arrow.float64(), _double),
            "time": (self._arrow.timestamp("us", tz="UTC"), times.parse),
            "text": (self._arrow.string(), text_of),
        }
        self._columns = {column: types[_kind(column, schema)] for column, schema in columns.items()}
        self._schema = self._arrow.schema([(column, kind) for column, (kind, _) in self._columns.items()])
        self._writer = parquet.ParquetWriter(file, self._schema)
        self._refused = refused
        self._rows: list[list[Any]] = []

    def write(self, rows: Sequence[Row]) -> int:
        """Keep rows until there are enough for a group; without those that do not fit, if it is told that they may be left out."""
        taken = 0
        for row in rows:
            try:
                self._rows.append([_converted(row, column, convert) for column, (_, convert) in self._columns.items()])
            except ValueMismatch as exc:
                self._refused(row, exc)
            else:
                taken += 1
        if len(self._rows) >= ROW_GROUP:
            self._flush()
        return taken

    def close(self) -> None:
        """Write the last group and the foot."""
        self._flush()
        self._writer.close()

    def abort(self) -> None:
        """Close it without the rows that are left: it would try to when it is collected."""
        with suppress(OSError, self._arrow.ArrowException):
            self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            kinds = (kind for kind, _ in self._columns.values())
            arrays = [self._arrow.array(values, kind) for values, kind in zip(zip(*self._rows, strict=True), kinds, strict=True)]
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


def _converted(row: Row, column: str, convert: Callable[[Any], Any]) -> Any:
    value = row[column]
    try:
        return None if value is None else convert(value)
    except OverflowError:
        raise ValueMismatch(row[KEY], column, "this number is too large for Parquet; .jsonl and .csv keep it") from None


FORMATS: Final[dict[str, Make]] = {
    ".jsonl": JsonLines,
    ".csv": Csv,
    ".parquet": Parquet,
}
"""By the end of a file's name."""


@contextmanager
def row_file(make: Make, file: IO[bytes], columns: Mapping[str, Schema], refused: Refused = _raise) -> Iterator[RowFile]:
    """Rows for the time of the block; closed at its end, let go on an error.

    Args:
        make: One of `FORMATS`.
        file: Where to.
        columns: The columns of all rows.
        refused: Is told of rows with a value that the format cannot hold; whether they may be left out is for it to say.
    """
    target = make(file, columns, refused)
    try:
        yield target
        target.close()
    except BaseException:
        target.abort()
        raise


def text_of(value: Any) -> str | None:
    """A value as a cell: text as it is, everything else as compact JSON."""
    return value if value is None or isinstance(value, str) else _encoder.encode(value).decode()


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    return '"' + text.replace('"', '""') + '"' if not text or _TO_QUOTE.search(text) else text


def _kind(column: str, schema: Schema) -> str:
    if META_COLUMNS.get(column, {}).get("format") == "date-time":
        return "time"
    kind = schema.get("type")
    kinds = ({kind} if isinstance(kind, str) else set(kind or ())) - {"null"}
    if kinds == {"integer", "number"}:
        return "number"
    return next(iter(kinds)) if kinds in ({"boolean"}, {"integer"}, {"number"}) else "text"


def _integer(value: int | Decimal) -> int:
    if not -_INTEGER_MAX <= value < _INTEGER_MAX:  # before it is written out: its exponent may be huge
        raise OverflowError
    return int(value)


def _double(value: float | Decimal) -> float:
    made = float(value)
    if not isfinite(made):
        raise OverflowError
    return made
