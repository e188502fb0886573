"""Tables for rows: made when they are missing, and widened when rows have new columns or wider types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from e3db_connectors.airflow.sql import kinds
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import RESERVED_PREFIXES, slug
from e3db_connectors.sync.rows import KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.sync.values import Schema

DELETED: Final = "_e3db_deleted_at"
"""When a record was found deleted; null while it is there."""

NAME_MAX: Final = 63
"""Bytes of a name: PostgreSQL cuts off what is longer, without a word."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: Quoted.
        kind: What it holds.
    """

    name: str
    kind: str


@dataclass(frozen=True)
class Table:
    """A table that is there.

    Args:
        schema: Its schema.
        table: Its name.
        quoted: Both, quoted.
        columns: Its column for each column of a row.
    """

    schema: str
    table: str
    quoted: str
    columns: Mapping[str, Column]

    @property
    def key(self) -> str:
        """The column of the record's id."""
        return self.columns[KEY].name


def prepare(session: Session, schema: str | None, table: str, columns: Mapping[str, Schema], hidden: Iterable[str] = ()) -> Table:
    """Make a table fit for rows with these columns; to be called in a transaction, and under a lock on the table.

    Args:
        session: Of the warehouse.
        schema: Where the table is; None: the connection's own.
        table: Its name.
        columns: Of the rows.
        hidden: Columns that records have and rows have not: what the table has of them is left alone.

    Raises:
        UsageError: The table is somebody else's, or a column cannot be widened.
    """
    schema = schema or session.dialect.schema(session)
    quoted = session.qualified(schema, table)
    wanted = {column: kinds.kind_of(column, each) for column, each in columns.items()}
    present = session.dialect.columns(session, schema, table)
    names = names_of([*columns, *hidden], present, session.dialect.refuses)
    if not present:
        _create(session, quoted, {names[column]: kind for column, kind in wanted.items()})
        made = wanted
    elif KEY not in present:
        raise UsageError(f"the table {schema}.{table} has no column {KEY}, so it holds no records of E3DB; choose another name")
    else:
        made = _evolve(session, quoted, present, names, wanted)
    filled = {column: Column(session.quoted(names[column]), kind) for column, kind in made.items()}
    return Table(schema, table, quoted, filled)


def names_of(columns: Iterable[str], present: Collection[str], refuses: Callable[[str], bool]) -> dict[str, str]:
    """The name of each column in a table: its own, unless a database would cut it off, refuse it or take it for another one.

    What a table has decides first: a field keeps its column, whatever fields have come that differ from it in case alone.
    """
    columns = list(columns)
    names = _kept(columns, present)
    taken = {name.lower() for name in names.values()}
    for column in columns:
        if column not in names:
            awkward = not column or "\0" in column or len(column.encode()) > NAME_MAX or refuses(column) or column.lower() in taken
            names[column] = slug(column) if awkward else column
            taken.add(names[column].lower())
    return names


def _kept(columns: Iterable[str], present: Collection[str]) -> dict[str, str]:
    """The columns that a table has already, each for one column of a row: by its name, or else by the name and its slug."""
    kept = {column: column for column in columns if column in present}
    # A field that is called like another one but for case comes as a slug since the other one is there; before, its column had its name.
    before = {slug(name): name for name in present if name != name.lower() and not name.lower().startswith(RESERVED_PREFIXES)}
    for column in columns:
        for name in (slug(column), before.get(column, "")):
            if column not in kept and name in present and name not in kept.values():
                kept[column] = name
    return kept


def _create(session: Session, quoted: str, columns: Mapping[str, str]) -> None:
    dialect = session.dialect
    types = {name: f"{dialect.key_type} NOT NULL PRIMARY KEY" if name == KEY else dialect.type_of(kind) for name, kind in columns.items()}
    types[DELETED] = dialect.type_of(kinds.TIME)
    lines = ", ".join(f"{session.quoted(name)} {type_name}" for name, type_name in types.items())
    session.execute(f"CREATE TABLE {quoted} ({lines}){dialect.table_options}")


def _evolve(
    session: Session, quoted: str, present: Mapping[str, str], names: Mapping[str, str], wanted: Mapping[str, str]
) -> dict[str, str]:
    """Add and widen columns.

    Returns:
        What each column holds now.
    """
    dialect, add = session.dialect, f"ALTER TABLE {quoted} {session.dialect.add_column}"
    if dialect.folds_names:
        present = {name.lower(): type_name for name, type_name in present.items()}
    if DELETED not in present:
        session.execute(f"{add} {session.quoted(DELETED)} {dialect.type_of(kinds.TIME)}")
    made = {}
    for column, kind in wanted.items():
        name = names[column]
        there = name.lower() if dialect.folds_names else name
        if there not in present:
            session.execute(f"{add} {session.quoted(name)} {dialect.type_of(kind)}")
            made[column] = kind
            continue
        before = dialect.kind(present[there])
        if kind == kinds.TIME and before == kinds.TEXT:  # of SQLite, or of other loaders
            made[column] = before
            continue
        if before is None or (kinds.TIME in (before, kind) and before != kind):
            raise UsageError(
                f"column {name} of {quoted} is of type {present[there]}, which cannot be filled with {kind}; "
                f"change it to {dialect.type_of(kind)}, or rename it"
            )
        made[column] = kinds.wider(before, kind)
        if made[column] != before:
            dialect.widen(session, quoted, session.quoted(name), made[column], before)
    return made
