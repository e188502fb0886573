"""SQLite: one process, one writer at a time."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

from e3db_connectors.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

BUSY_MILLISECONDS: Final = 3000
"""A write that cannot commit within this time is rolled back; readers' guarantees rest on it."""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MILLISECONDS}", "secure_delete=ON")
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def check(url: URL) -> None:
    """Let pass the URL of a file that can be.

    Raises:
        StorageError: It is none.
    """
    if url.database in {None, "", ":memory:"}:
        raise StorageError("the database must be a SQLite file: sqlite:///e3db.sqlite")
    folder = Path(str(url.database)).parent
    if not folder.is_dir():
        raise StorageError(f"there is no folder {folder} for the database")


def prepare(engine: Engine) -> None:
    """Set connections and transactions up."""
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)


@contextmanager
def opening(engine: Engine) -> Iterator[Connection]:
    """The transaction that may change the schema: to make a table anew, foreign keys are not enforced; see `check_references`."""
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.execute("PRAGMA foreign_keys=OFF")  # has no effect within a transaction
        try:
            with connection.execution_options(writes=True).begin():
                yield connection
        finally:
            driver.execute("PRAGMA foreign_keys=ON")


def check_references(connection: Connection) -> None:
    """Look for rows that refer to rows which are not there.

    Raises:
        StorageError: There are some.
    """
    found = connection.exec_driver_sql("PRAGMA foreign_key_check").first() if connection.dialect.name == "sqlite" else None
    if found is not None:
        raise StorageError(
            f"the database is damaged: a row of {found[0]} belongs to a row of {found[2]} that is not there; restore a backup"
        )


def is_busy(exc: Any) -> bool:
    """Whether a driver's error means that trying again may succeed."""
    return getattr(exc, "sqlite_errorcode", 0) & 0xFF in _BUSY


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin in `_begin`, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once; one that first reads could not get it any more without starting again.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
