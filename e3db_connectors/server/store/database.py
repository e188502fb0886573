"""The database: transactions, and the clock that stamps what they write."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from sqlalchemy import create_engine, event, func, insert, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import StorageError
from e3db_connectors.server.clock import Clock
from e3db_connectors.server.store import schema
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

BUSY_MILLISECONDS: Final = 3000
"""A write that cannot commit within this time is rolled back; readers' guarantees rest on it."""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MILLISECONDS}", "secure_delete=ON")


class Database:
    """A SQLite file, made at first use.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path``.

    Raises:
        StorageError: If the URL is of another kind, or the file cannot be opened, or a newer version made it.
    """

    def __init__(self, url: str) -> None:
        """Open, or make, the database."""
        self._engine = _engine(url)
        self._write_lock = Lock()
        self.clock = Clock()
        try:
            with self.write() as connection:
                schema.metadata.create_all(connection)
                _check_version(connection)
                self.backup_client_id = _backup_client(connection)
                stamps = (schema.records.c.last_modified, schema.policies.c.granted)
                floor = max(connection.scalar(select(func.max(stamp))) or 0 for stamp in stamps)
        except SQLAlchemyError as exc:
            raise StorageError(f"cannot open the database {make_url(url).database}: {getattr(exc, 'orig', exc)}") from None
        self.clock.raise_floor(floor)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: all or nothing, and durable once it is left."""
        with self._write_lock, self._engine.connect() as connection:
            connection.execution_options(writes=True)
            try:
                with connection.begin():
                    yield connection
            finally:
                self.clock.settle()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        made = create_engine(parsed, pool_size=16, max_overflow=24, hide_parameters=True)
    except (ArgumentError, SQLAlchemyError, ImportError):
        raise StorageError("the database must be a URL such as sqlite:///e3db.sqlite") from None
    if parsed.get_backend_name() != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise StorageError("the database must be a SQLite file: sqlite:///e3db.sqlite")
    folder = Path(str(parsed.database)).parent
    if not folder.is_dir():
        raise StorageError(f"there is no folder {folder} for the database")
    event.listen(made, "connect", _prepare)
    event.listen(made, "begin", _begin)
    return made


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin in `_begin`, not where the driver guesses
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer takes its lock at once; one that first reads could not get it any more without starting again.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_version(connection: Connection) -> None:
    stored = _setting(connection, "schema_version")
    if stored is None:
        _set(connection, "schema_version", str(schema.VERSION))
    elif stored != str(schema.VERSION):
        raise StorageError(f"the database has schema version {stored}, this server knows {schema.VERSION} only")


def _backup_client(connection: Connection) -> str:
    """The client that registrations name in ``X-Backup-Client``; it has to exist (protocol section 5.1).

    Its public key is random: a valid point whose private half nobody knows, so that such backups open for nobody.
    """
    stored = _setting(connection, "backup_client_id")
    if stored is not None:
        return stored
    client_id = str(uuid4())
    connection.execute(
        insert(schema.clients).values(
            client_id=client_id,
            name="backup",
            type="backup",
            public_key=to_bytes({"curve25519": encoding.encode(secrets.token_bytes(32))}).decode(),
            signing_key="{}",
            api_key_id=secrets.token_hex(32),
            secret_hash=secrets.token_bytes(32),
        ),
    )
    _set(connection, "backup_client_id", client_id)
    return client_id


def _setting(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(schema.settings.c.value).where(schema.settings.c.name == name))


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(insert(schema.settings).values(name=name, value=value))
