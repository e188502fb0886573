"""What OpenLineage is told of a transfer: both sides, their columns, and what became of each. Names and types, never a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.sdk import BaseHook

from e3db_connectors.airflow.storage import path_of
from e3db_connectors.sync.rows import EXTRA, META_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk import Asset, Connection

    from e3db_connectors.policy import FieldCounts
    from e3db_connectors.sync.rows import RowReader
    from e3db_connectors.sync.values import Schema

CLEAR: Final = "clear"
ENCRYPTED: Final = "encrypted"
SEARCHABLE: Final = "encrypted, and in clear beside it"

_IDENTITY: Final = "decrypt"
_FILE_DATABASES: Final = ("duckdb", "sqlite")


@dataclass(frozen=True)
class Place:
    """A data set as OpenLineage names it.

    Args:
        namespace: Where it is.
        name: What it is called there.
        has_columns: Its columns are those of the transfer; not so with the tables of a query.
    """

    namespace: str
    name: str
    has_columns: bool = True


@dataclass(frozen=True)
class Move:
    """A column on its way; each side is a name and a type, or None where there is no such column.

    Args:
        source: Where it comes from.
        target: Where it goes to.
        treatment: What has become of it, such as ``decrypted``.
        masked: The name of the rule that hides some or all of it.
    """

    source: tuple[str, str] | None
    target: tuple[str, str] | None
    treatment: str
    masked: str | None = None


def moves_of_reading(reader: RowReader, counts: FieldCounts) -> list[Move]:
    """Fields of records into columns.

    Args:
        reader: What has made the rows.
        counts: What was done with fields that were in no schema.
    """
    columns = reader.columns()
    moves = [Move(None, (name, _type(schema)), CLEAR) for name, schema in META_COLUMNS.items()]
    for name, treatment in reader.treatments().items():
        rule = treatment.rule
        kind = str(type(rule).__struct_config__.tag)
        source = (name, _type(reader.fields[name]))
        target = (treatment.column, _type(columns[treatment.column])) if rule.shown else None
        if rule.bucket == "untouched":  # if there is a column, it shows nothing of the field
            moves.append(Move(source, None, rule.bucket))
            moves += [Move(None, target, kind)] if target else []
        else:
            moves.append(Move(source, target, rule.bucket, None if kind == _IDENTITY else kind))
    if EXTRA in columns and (found := counts.columns().get(EXTRA)):
        done = [bucket for bucket in found.__struct_fields__ if getattr(found, bucket)]
        moves.append(Move(None, (EXTRA, _type(columns[EXTRA])), ", ".join(done)))
    return moves


def moves_of_writing(columns: Mapping[str, Schema], plain: Collection[str]) -> list[Move]:
    """Columns into fields of records.

    Args:
        columns: With their schemas.
        plain: Those that the server can search.
    """
    sides = {name: (name, _type(schema)) for name, schema in columns.items()}
    return [Move(side, side, SEARCHABLE if name in plain else ENCRYPTED) for name, side in sides.items()]


def place_of_asset(asset: Asset) -> Place:
    """The records of a type."""
    uri = urlsplit(asset.uri)
    return Place(f"{uri.scheme}://{uri.netloc}", uri.path.removeprefix("/"))


def place_of_file(path: str, conn_id: str | None) -> Place:
    """A file of the worker, or an object of a store."""
    place = path_of(path, conn_id)
    if isinstance(place, Path):
        return Place("file", str(place.absolute()))
    scheme = {"gcs": "gs"}.get(place.protocol, place.protocol)
    return Place(f"{scheme}://{place.bucket}", place.key.strip("/"))


def places_in_database(
    conn_id: str, hook_params: Mapping[str, Any] | None, schema: str | None, *, table: str | None = None, sql: str | None = None
) -> list[Place]:
    """A table, or the tables that a query names.

    Args:
        conn_id: The connection of the database.
        hook_params: For its hook.
        schema: The table's, or that of tables for which the query names none; None: the database's default.
        table: The table.
        sql: Else, the query.
    """
    from airflow.providers.openlineage.sqlparser import SQLParser

    connection = BaseHook.get_connection(conn_id)
    hook: DbApiHook = connection.get_hook(hook_params=dict(hook_params or {}))  # type: ignore[no-untyped-call]
    schema = schema or ("main" if hook.conn_type in _FILE_DATABASES else hook.get_openlineage_default_schema())
    namespace, database = _database(hook, connection)
    if table:
        return [Place(namespace, ".".join(filter(None, (database, schema, table))))]
    parsed = SQLParser(hook.get_openlineage_database_dialect(connection), schema).parse(sql or "")
    tables = [] if parsed is None else parsed.in_tables
    names = {".".join(filter(None, (each.database or database, each.schema or schema, each.name))) for each in tables}
    return [Place(namespace, name, has_columns=False) for name in sorted(names)]


def operator_lineage(sources: Sequence[Place], targets: Sequence[Place], moves: Sequence[Move]) -> Any:
    """All of it in the classes of OpenLineage, which have to be installed."""
    from airflow.providers.common.compat.openlineage.facet import ColumnLineageDatasetFacet, Dataset, Fields, InputField
    from airflow.providers.openlineage.extractors import OperatorLineage

    came = [(move.source, move.treatment) for move in moves]
    went = [(move.target, move.treatment) for move in moves]
    inputs = [Dataset(each.namespace, each.name, facets=_schema(each, came)) for each in sources]
    outputs = [Dataset(each.namespace, each.name, facets=_schema(each, went)) for each in targets]
    origins = [place for place in sources if place.has_columns]
    lineage = {
        move.target[0]: Fields(
            inputFields=[InputField(place.namespace, place.name, move.source[0]) for place in origins],
            transformationType="MASKED" if move.masked else "IDENTITY",
            transformationDescription=move.masked or move.treatment,
        )
        for move in moves
        if origins and move.source and move.target
    }
    for output in outputs:
        if output.facets and lineage:
            output.facets["columnLineage"] = ColumnLineageDatasetFacet(fields=lineage)
    return OperatorLineage(inputs=inputs, outputs=outputs)


def _schema(place: Place, columns: Iterable[tuple[tuple[str, str] | None, str]]) -> dict[str, Any]:
    from airflow.providers.common.compat.openlineage.facet import SchemaDatasetFacet, SchemaDatasetFacetFields

    if not place.has_columns:
        return {}
    fields = [SchemaDatasetFacetFields(name=side[0], type=side[1], description=treatment) for side, treatment in columns if side]
    return {"schema": SchemaDatasetFacet(fields=fields)}


def _database(hook: DbApiHook, connection: Connection) -> tuple[str, str | None]:
    """The namespace of a database and its name; of one in a file, its path."""
    info = hook.get_openlineage_database_info(connection)
    if info is not None:
        return f"{info.scheme}://{info.authority}", info.database
    address = (connection.host or "").partition("?")[0]  # after it there may be a token
    if hook.conn_type in _FILE_DATABASES:
        return f"{hook.conn_type}://{address}", None
    return f"{hook.conn_type}://{address}" + (f":{connection.port}" if connection.port else ""), connection.schema


def _type(schema: Schema) -> str:
    """A JSON Schema's type in a word; null is always possible."""
    kinds = schema.get("type", "any")
    named = [kinds] if isinstance(kinds, str) else [kind for kind in kinds if kind != "null"]
    return str(schema.get("format") or "|".join(named))
