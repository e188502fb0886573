"""The database: transactions, and the clock that stamps what they write."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from e3db_connectors.errors import StorageError
from e3db_connectors.server.clock import LocalClock
from e3db_connectors.server.store import backup_client, opening, postgres, sqlite
from e3db_connectors.server.store.told import Reservations
from e3db_connectors.server.store.turns import GroupLost, Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection, Engine

    from e3db_connectors.server.clock import Clock

_NO_URL = "the database must be a URL such as sqlite:///e3db.sqlite or postgresql+psycopg://user@host/database"


class Database:
    """A SQLite file, made at first use, or a PostgreSQL database.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+psycopg://...``.
        backup_keys: Public keys that key backups are sealed for from now on, by their names; of others that are there nothing changes.

    Raises:
        StorageError: If the URL is of another kind, or the database cannot be opened, or is one that cannot be migrated.
    """

    def __init__(self, url: str, backup_keys: Mapping[str, str] | None = None) -> None:
        """Open, make or migrate the database."""
        self._engine = _engine(url)
        self.shared = self._engine.dialect.name == "postgresql"
        """Whether other processes may write to it, too."""
        local, shared = LocalClock(), postgres.PostgresClock(self._engine)
        self.clock: Clock = shared if self.shared else local
        self.turns = Turns(self._begin, self.clock.settle)
        self._reservations = None if self.shared else Reservations(local, self.write)
        self._teller = self._reservations or shared
        try:
            with (postgres if self.shared else sqlite).opening(self._engine) as connection:
                opening.bring_up(connection)
                stamp, bound = opening.times_of(connection)
                self.backup_client_id, self.lost_backup_keys = backup_client.ensure(connection, backup_keys or {})
        except StorageError:
            self._engine.dispose()
            raise
        except SQLAlchemyError as exc:
            self._engine.dispose()
            raise StorageError(f"cannot open the database {make_url(url).database}: {getattr(exc, 'orig', exc)}") from None
        self.clock.go_on(stamp, bound)

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
        """What the clock tells now in a ``Date``, without holding up the event loop."""
        return await self._teller.told_time()

    def close(self) -> None:
        """Close all connections."""
        if self._reservations:
            self._reservations.close()
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
