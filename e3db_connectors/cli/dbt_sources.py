"""A dbt source for what a loader makes of a tap's streams."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import click

from e3db_connectors.cli import options
from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper

# What E3DB keeps in clear of each record; everything else in a row was decrypted.
_CLEAR: Final = "_e3db_"


@click.command("dbt-sources")
@click.argument("catalog", type=click.File(encoding="utf-8"))
@click.option("--name", default="e3db", show_default=True, type=options.text, help="What models call the source.")
@click.option("--schema", type=options.text, help="The schema of the warehouse that the loader fills; the source's name unless given.")
def dbt_sources(catalog: TextIOWrapper, name: str, schema: str | None) -> None:
    """Print a sources.yml for the selected streams of CATALOG, which `tap-e3db --discover` prints; - reads it from a pipe.

    The key of each table is tested to be there once, and columns that are encrypted in E3DB are marked `encrypted: true`.
    """
    tables = [_table(stream) for stream in _streams(catalog)]
    source = {"name": name, "schema": schema or name, "tables": tables}
    # Every JSON document is YAML, so that no name or text has to be quoted by other rules.
    click.echo(json.dumps({"version": 2, "sources": [source]}, ensure_ascii=False, indent=2))


def _streams(catalog: TextIOWrapper) -> Iterator[dict[str, Any]]:
    try:
        streams = json.load(catalog)["streams"]
        chosen = [stream for stream in streams if _metadata(stream, []).get("selected") is not False]
        for stream in chosen:
            stream["stream"], stream["schema"]["properties"].items()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UsageError("this is no catalog; make one by `tap-e3db --discover`") from None
    yield from chosen


def _metadata(stream: dict[str, Any], breadcrumb: list[str]) -> dict[str, Any]:
    found = (entry["metadata"] for entry in stream.get("metadata", []) if entry["breadcrumb"] == breadcrumb)
    return next(found, {})


def _table(stream: dict[str, Any]) -> dict[str, Any]:
    keys = stream.get("key_properties") or []
    columns = [
        _column(name, is_key=[name] == keys)
        for name in stream["schema"]["properties"]
        if name in keys or _metadata(stream, ["properties", name]).get("selected") is not False
    ]
    record_type = _metadata(stream, []).get("e3db-record-type", stream["stream"])
    return {"name": stream["stream"], "meta": {"record_type": record_type}, "columns": columns}


def _column(name: str, *, is_key: bool) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "quote": True, "meta": {"encrypted": not name.startswith(_CLEAR)}}
    return column | ({"data_tests": ["unique", "not_null"]} if is_key else {})
