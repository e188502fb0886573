"""SQLite: one process, one writer at a time."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event

from e3db_connectors.errors import StorageError

if TYPE_CHECKING:
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
