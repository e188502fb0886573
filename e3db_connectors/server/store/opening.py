"""Opening a database: an empty one is made, an older one is migrated, one of which we know nothing is refused.

All of it happens in one transaction, as a whole or not at all.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, func, insert, inspect, select, update

from e3db_connectors.errors import StorageError
from e3db_connectors.server.store import schema, sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_log = logging.getLogger(__name__)

_SCHEMA_VERSION: Final = "schema_version"
_BEFORE_ALEMBIC: Final = {str(number): f"{number:04}" for number in range(2, 7)}
"""How the versions that can be migrated counted their schemas, and the revisions that these are."""

_REFUSED_BY_THEM: Final = "7"
"""A version before alembic that meets a database of ours reads this, and leaves it alone."""

_revisions = Table(
    "alembic_version", MetaData(), Column("version_num", String(32)), PrimaryKeyConstraint("version_num", name="alembic_version_pkc")
)


def bring_up(connection: Connection) -> None:
    """Make the schema, or migrate it to the newest one.

    Raises:
        StorageError: A newer version made the database, or one that is too old, or something else altogether.
    """
    found = _revision(connection)
    if found is None:
        schema.metadata.create_all(connection)
        _adopt(connection, schema.REVISION)
        connection.execute(insert(schema.settings).values(name=_SCHEMA_VERSION, value=_REFUSED_BY_THEM))
    elif found != schema.REVISION:
        _migrate(connection, found)


def times_of(connection: Connection) -> tuple[int, int]:
    """The highest stamp that was given, and the bound of the times that were told; those to come lie above both."""
    stamps = (schema.records.c.last_modified, schema.policies.c.granted, schema.clock.c.latest)
    stamp = max(connection.scalar(select(func.max(column))) or 0 for column in stamps)
    if connection.scalar(select(schema.clock.c.one)) is None:
        connection.execute(insert(schema.clock).values(one=1, latest=stamp))
    bound = connection.scalar(select(schema.told.c.bound))
    if bound is None:
        connection.execute(insert(schema.told).values(one=1, bound=stamp))
    return stamp, max(bound or 0, stamp)


def _revision(connection: Connection) -> str | None:
    """Which schema is there; None for none at all."""
    names = set(inspect(connection).get_table_names())
    if _revisions.name in names:
        return connection.scalar(select(_revisions.c.version_num)) or "unknown"
    if schema.settings.name in names:
        stored = connection.scalar(select(schema.settings.c.value).where(schema.settings.c.name == _SCHEMA_VERSION))
        if stored not in _BEFORE_ALEMBIC:
            raise StorageError(f"the database has schema version {stored}, which cannot be migrated: begin with an empty database")
        _adopt(connection, _BEFORE_ALEMBIC[stored])
        connection.execute(update(schema.settings).where(schema.settings.c.name == _SCHEMA_VERSION).values(value=_REFUSED_BY_THEM))
        return _BEFORE_ALEMBIC[stored]
    foreign = sorted(names & set(schema.metadata.tables))
    if foreign:
        raise StorageError(f"the database holds a table {foreign[0]} of something else: give the server a database of its own")
    return None


def _adopt(connection: Connection, revision: str) -> None:
    _revisions.create(connection)
    connection.execute(insert(_revisions).values(version_num=revision))


def _migrate(connection: Connection, found: str) -> None:
    with _quiet("alembic"):
        # Here, for it is rarely needed and takes long to import.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
        known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
        if found not in known:
            raise StorageError(
                f"the database has revision {found}, this version knows up to {schema.REVISION}: a newer one, or another program, made it; "
                "install that version, or restore a backup"
            )
        command.upgrade(config, "head")
    sqlite.check_references(connection)
    _log.info("the database is migrated from revision %s to %s", found, schema.REVISION)


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep what *name* has to say about each of its steps out of the log."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
