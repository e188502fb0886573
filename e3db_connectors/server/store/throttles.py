"""How often something has happened within a minute; counted in the database, so that all its processes count together."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import delete, insert, select, update

from e3db_connectors.server.store.schema import throttles

if TYPE_CHECKING:
    from sqlalchemy import Connection

WINDOW_SECONDS: Final = 60
_WINDOW: Final = WINDOW_SECONDS * 1_000_000


class Limit(msgspec.Struct, frozen=True):
    """At most *at_most* times within a window, which begins with the first time.

    Args:
        at_most: How often.
        subject: What is counted, and for whom. Only a hash of it is stored: callers choose parts of it, as long as they like.
    """

    at_most: int
    subject: tuple[str, ...]

    @property
    def key(self) -> bytes:
        """Under which it is stored."""
        return sha256(msgspec.json.encode(self.subject)).digest()


def wait(connection: Connection, now: int, *limits: Limit) -> int:
    """Seconds until all limits allow another time; 0 if they do now."""
    begun = [_begun(connection, limit, now) for limit in limits]
    waits = [began + _WINDOW - now for limit, (began, count) in zip(limits, begun, strict=True) if count >= limit.at_most]
    return -(-max(waits, default=0) // 1_000_000)


def take(connection: Connection, now: int, *limits: Limit) -> int:
    """Count once for each limit, in a write transaction, unless one of them does not allow it.

    Returns:
        Seconds to wait; 0 if it has been counted.
    """
    connection.execute(delete(throttles).where(throttles.c.began <= now - _WINDOW))
    seconds = wait(connection, now, *limits)
    for limit in limits if not seconds else ():
        _, count = _begun(connection, limit, now)
        if count:
            connection.execute(update(throttles).where(throttles.c.subject_hash == limit.key).values(count=count + 1))
        else:
            connection.execute(insert(throttles).values(subject_hash=limit.key, began=now, count=1))
    return seconds


def _begun(connection: Connection, limit: Limit, now: int) -> tuple[int, int]:
    """When the window of a limit began, and the count in it."""
    found = connection.execute(
        select(throttles.c.began, throttles.c.count).where(throttles.c.subject_hash == limit.key, throttles.c.began > now - _WINDOW),
    ).first()
    return (found[0], found[1]) if found else (now, 0)
