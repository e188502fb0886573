"""PostgreSQL: several server processes may share one database, so what one of them knows has to stand in it.

Writers take turns by an advisory lock, as they do on SQLite: what a write transaction has looked up stays true until it commits, and
stamps are given in the order in which they are committed.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event, text
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from e3db_connectors.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

WRITE_SECONDS: Final = 3
"""A write that cannot commit within this time is rolled back; readers' guarantees rest on it."""

_TURN: Final = 0x65336462
"""The advisory lock of writers."""

_BUSY: Final = {"55P03", "57014", "25P03", "25P04", "40001", "40P01", "53300", "57P01", "57P03", "08000", "08003", "08006"}
"""SQLSTATEs of what may succeed when it is tried again."""

_OLDEST: Final = 170_000
_SECOND: Final = 1_000_000
_NOW: Final = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"
_LIMIT_WRITE: Final = text(f"SET LOCAL transaction_timeout = '{WRITE_SECONDS}s'")
_TAKE_TURN: Final = text(f"SELECT pg_advisory_xact_lock({_TURN})")
_OPENING: Final = text(
    "SELECT set_config(name, '0', true) FROM (VALUES ('transaction_timeout'), ('statement_timeout'), ('lock_timeout')) AS t (name)"
)
_LIMIT_LOCKS: Final = text("SET LOCAL lock_timeout = '30s'")
_FLOOR: Final = "greatest((SELECT latest FROM clock WHERE one = 1), (SELECT bound FROM told WHERE one = 1))"
_MOMENT: Final = text(f"SELECT greatest({_NOW}, {_FLOOR})")
_STAMP: Final = text(
    f"""
    UPDATE clock SET latest = CASE WHEN stamp % 1000000 = 0 THEN stamp + 1 ELSE stamp END
    FROM (SELECT greatest({_FLOOR} + 1, {_NOW}) AS stamp) AS next
    WHERE one = 1 RETURNING latest
    """,  # noqa: S608 - constants
)
# While nobody writes it is now. Else a stamp that is not committed yet may lie up to a write's longest time back.
_TOLD: Final = text(
    f"""
    SELECT greatest({_FLOOR}, {_NOW} - CASE WHEN pg_try_advisory_xact_lock_shared({_TURN}) THEN 0 ELSE {(WRITE_SECONDS + 1) * _SECOND} END)
    """,
)
_KEEP: Final = text("UPDATE told SET bound = :time WHERE one = 1 AND bound < :time")

_CONNECTION: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""In seconds, the last in milliseconds: a database that vanishes without a word is given up after 20 seconds, not after minutes or hours.
The URL's own settings win. See "Database Connection Control Functions" in PostgreSQL's documentation of libpq."""

_FRESH_SECONDS: Final = 0.2
"""How long a time is told again: a ``Date`` that is a little old promises a little less."""


class PostgresClock:
    """The database's clock, with the promises of `clock.Clock`, for any number of processes."""

    def __init__(self, engine: Engine) -> None:
        """Ask *engine* for the time."""
        self._engine = engine
        self._kept = 0
        self._told_at = -_FRESH_SECONDS

    def now(self) -> int:
        """The time now: nothing that is stamped below it can still appear."""
        with self._engine.connect() as connection, connection.begin():
            return int(connection.execute(_TOLD).scalar_one())

    def _is_fresh(self) -> bool:
        return time.monotonic() - self._told_at < _FRESH_SECONDS

    async def told_time(self) -> int:
        """What `told` says, without holding up the event loop."""
        return self._kept if self._is_fresh() else await run_in_threadpool(self.told)

    def told(self) -> int:
        """The time now, or a moment ago. Its second is stored before it is told, so that no process goes below it if the database's clock is set back."""
        if self._is_fresh():
            return self._kept
        asked = time.monotonic()
        try:
            with self._engine.connect() as connection, connection.begin():
                now = int(connection.execute(_TOLD).scalar_one())
                # Where no writer can be: a stamp is given after this is committed, or the time is held back.
                if now // _SECOND > self._kept // _SECOND:
                    connection.execute(_KEEP, {"time": now})
        except SQLAlchemyError:
            return self._kept
        self._kept, self._told_at = max(self._kept, now), asked
        return self._kept

    def go_on(self, _stamp: int, bound: int) -> None:
        """Tell *bound*, which is stored, while the database does not answer."""
        self._kept = bound

    def moment(self, connection: Connection) -> int:
        """The time now, in a write transaction."""
        return int(connection.execute(_MOMENT).scalar_one())

    def stamp(self, connection: Connection) -> int:
        """A time for a record, above all that were given before; in a write transaction."""
        return int(connection.execute(_STAMP).scalar_one())

    def settle(self) -> None:
        """Nothing to do: the end of the transaction says it to all processes."""


def check(url: URL) -> None:
    """Let pass the URL of a database that is named.

    Raises:
        StorageError: It names none.
    """
    if not url.database:
        raise StorageError("the URL names no database: postgresql+psycopg://user@host/database")


def prepare(engine: Engine) -> None:
    """Give each connection its limits."""
    event.listen(engine, "do_connect", _set_defaults)
    event.listen(engine, "connect", _limit)


@contextmanager
def opening(engine: Engine) -> Iterator[Connection]:
    """The transaction that may change the schema: only one process does, for as long as it takes."""
    with engine.connect() as connection, connection.begin():
        connection.execute(_OPENING)
        connection.execute(_TAKE_TURN)
        connection.execute(_LIMIT_LOCKS)
        yield connection


def take_turn(connection: Connection) -> None:
    """Wait until no other transaction writes, in any process."""
    connection.execute(_LIMIT_WRITE)
    connection.execute(_TAKE_TURN)


def is_busy(exc: Any) -> bool:
    """Whether a driver's error means that trying again may succeed."""
    return getattr(exc, "sqlstate", None) in _BUSY


def _set_defaults(_dialect: Any, _record: Any, _args: Any, settings: dict[str, Any]) -> None:
    for name, value in _CONNECTION.items():
        settings.setdefault(name, value)


def _limit(connection: Any, _record: Any) -> None:
    if connection.info.server_version < _OLDEST:
        raise StorageError("the server needs PostgreSQL 17 or newer: older ones cannot end a transaction that takes too long")
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{WRITE_SECONDS}s'")
        cursor.execute("SET statement_timeout = '30s'")
    connection.commit()
