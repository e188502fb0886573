"""The database: transactions, and the clock that stamps what they write."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import create_engine, func, insert, make_url, select
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.concurrency import run_in_threadpool

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import StorageError
from e3db_connectors.server.clock import LocalClock
from e3db_connectors.server.store import postgres, schema, sqlite
from e3db_connectors.server.store.turns import GroupLost, Turns
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

    from e3db_connectors.server.clock import Clock

_NO_URL = "the database must be a URL such as sqlite:///e3db.sqlite or postgresql+psycopg://user@host/database"


class Database:
    """A SQLite file, made at first use, or a PostgreSQL database.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://...``.

    Raises:
        StorageError: If the URL is of another kind, or the database cannot be opened, or another version made it.
    """

    def __init__(self, url: str) -> None:
        """Open, or make, the database."""
        self._engine = _engine(url)
        self.shared = self._engine.dialect.name == "postgresql"
        """Whether other processes may write to it, too."""
        self.clock: Clock = postgres.PostgresClock(self._engine) if self.shared else LocalClock()
        self.turns = Turns(self._begin, self.clock.settle)
        try:
            with self.write() as connection:
                schema.metadata.create_all(connection)
                _check_version(connection)
                self.backup_client_id = _backup_client(connection)
                floor = _highest_stamp(connection)
        except SQLAlchemyError as exc:
            raise StorageError(f"cannot open the database {make_url(url).database}: {getattr(exc, 'orig', exc)}") from None
        if isinstance(self.clock, LocalClock):
            self.clock.raise_floor(floor)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._engine.connect() as connection:
            if self.shared:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that writes: the only one at its time, all or nothing, and durable once it is left; see `turns`."""
        return self.turns.take()

    def _begin(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection.execution_options(writes=True).begin()
            if self.shared:
                postgres.take_turn(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    async def told_time(self) -> int:
        """What the clock tells now, without holding up the event loop."""
        return await run_in_threadpool(self.clock.now) if self.shared else self.clock.now()

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def is_busy(exc: Any) -> bool:
    """Whether an error of SQLAlchemy means that trying again may succeed."""
    if isinstance(exc, PoolTimeout):
        return True
    if isinstance(exc, GroupLost):
        return exc.nothing_happened
    original = getattr(exc, "orig", None)
    return sqlite.is_busy(original) or postgres.is_busy(original)


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        known = {"sqlite": sqlite, "postgresql+psycopg": postgres}.get(parsed.drivername)
        if known is None:
            raise StorageError(_NO_URL)
        known.check(parsed)
        made = create_engine(parsed, pool_size=16, max_overflow=24, hide_parameters=True)
    except ImportError:
        raise StorageError("the driver for this database is not installed: pip install 'e3db-connectors[postgres]'") from None
    except (ArgumentError, SQLAlchemyError):
        raise StorageError(_NO_URL) from None
    known.prepare(made)
    return made


def _highest_stamp(connection: Connection) -> int:
    """The highest stamp that is stored; stamps go on from there."""
    stamps = (schema.records.c.last_modified, schema.policies.c.granted)
    highest = max(connection.scalar(select(func.max(stamp))) or 0 for stamp in stamps)
    if connection.scalar(select(schema.clock.c.latest)) is None:
        connection.execute(insert(schema.clock).values(one=1, latest=highest))
    return highest


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
