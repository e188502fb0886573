"""What has arrived in the warehouse, against the source."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from demo.processes import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from demo.flights import Row, Table


def check(path: Path, table: Table, expected: list[Row]) -> int:
    """Compare every value of every row.

    Returns:
        How many rows are equal.

    Raises:
        Failed: Says which rows are missing, doubled, too many or different.
    """
    arrived = _read(path, table)
    wanted = {table.key_of(row): row for row in expected}
    found = {table.key_of(row): row for row in arrived}
    problems = [f"{table.name}: row {key} is missing" for key in wanted.keys() - found.keys()]
    problems += [f"{table.name}: row {key} is in no source" for key in found.keys() - wanted.keys()]
    if len(found) != len(arrived):
        problems.append(f"{table.name}: {len(arrived) - len(found)} rows are doubled")
    for key in wanted.keys() & found.keys():
        problems += [
            f"{table.name}: {name} of row {key} is {found[key][name]!r} instead of {value!r}"
            for name, value in wanted[key].items()
            if not _equal(found[key][name], value)
        ]
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""  # noqa: PLR2004 - enough to see what is wrong
        raise Failed("the warehouse differs from the source: " + "; ".join(sorted(problems)[:5]) + more)
    return len(arrived)


def _read(path: Path, table: Table) -> list[Row]:
    columns = list(table.kinds)
    quoted = ", ".join(f'"{name}"' for name in columns)
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(f"SELECT {quoted} FROM main.{table.name}").fetchall()  # noqa: S608 - names of the demo's own
    return [{name: _plain(value) for name, value in zip(columns, row, strict=True)} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def _equal(arrived: Any, value: Any) -> bool:
    # The loader makes a number column DOUBLE: the nearest double of the source's decimal is what must be there.
    return bool(arrived == (float(value) if isinstance(value, Decimal) else value))
