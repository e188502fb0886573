"""What commands print: tables for people, JSON lines for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from e3db_connectors.wire.records import Record


def line(value: Any) -> None:
    """A JSON document on a line of its own."""
    # Half a character (of a path, say) is nothing that UTF-8 has, and JSON's escape of it is what the handler makes.
    click.echo(json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace"))


def facts(values: Mapping[str, Any]) -> None:
    """Names and values, one a line."""
    shown = [(printable(name), printable(value)) for name, value in values.items()]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        click.echo(f"{name:<{width}}  {value}".rstrip())


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Rows in columns."""
    texts = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *texts)) for column in range(len(head))]
    for row in (head, *texts):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def printable(value: Any) -> str:
    """A value as one line of text: what would move a terminal's cursor is escaped."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def record(found: Record, *, json_: bool, data: bool = True) -> None:
    """A record; with *data* also its decrypted values."""
    meta = msgspec.to_builtins(found.meta)
    (meta.get("file_meta") or {}).pop("file_url", None)  # it is a permission
    if json_:
        line({"meta": meta, **({"data": found.data} if data else {})})
        return
    facts(
        {name: value for name, value in meta.items() if value not in ({}, None)}
        | ({f"  {name}": found.data[name] for name in found.data} if data else {})
    )
