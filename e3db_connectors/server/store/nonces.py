"""Nonces of signed requests, each good for one request (protocol section 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from e3db_connectors.server.store.schema import nonces

if TYPE_CHECKING:
    from sqlalchemy import Connection


def remember(connection: Connection, public_key: str, nonce: str, now: int, since: int) -> bool:
    """Take note of a nonce; False if it has been used. Those seen before *since* are forgotten."""
    connection.execute(delete(nonces).where(nonces.c.seen_at < since))
    used = select(nonces.c.seen_at).where(nonces.c.public_key == public_key, nonces.c.nonce == nonce)
    if connection.execute(used).first() is not None:
        return False
    connection.execute(insert(nonces).values(public_key=public_key, nonce=nonce, seen_at=now))
    return True
