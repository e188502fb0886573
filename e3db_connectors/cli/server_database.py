"""The server's database, for commands that look into it."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from e3db_connectors.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e3db_connectors.server.store.database import Database


def absent_file(url: str) -> str:
    """The file of a SQLite database that is not there yet, else nothing."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        return ""  # opening it will say so
    file = parsed.database or ""
    return file if parsed.get_backend_name() == "sqlite" and not Path(file).exists() else ""


def existing(url: str) -> str:
    """Let pass the URL of a database that is there.

    Raises:
        UsageError: There is no such file.
    """
    absent = absent_file(url)
    if absent:
        raise UsageError(f"there is no database {absent}; --database names the server's")
    return url


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database, for a command; a server may have it open, too.

    Raises:
        StorageError: It cannot be opened, or fails.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from e3db_connectors.server.store.database import Database

    database = Database(url)
    try:
        yield database
    except SQLAlchemyError as exc:
        raise StorageError(f"the database did not do it: {getattr(exc, 'orig', exc)}") from None
    finally:
        database.close()
