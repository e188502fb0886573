"""Registration tokens with an end: how often, and how long, they register clients; only their hashes are stored."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import insert, select, update

from e3db_connectors.server.store.accounts import digest
from e3db_connectors.server.store.schema import registration_tokens, registrations

if TYPE_CHECKING:
    from sqlalchemy import Connection

VALID: Final = "valid"


class RegistrationToken(msgspec.Struct, frozen=True):
    """What is known of a token, which is not the token itself.

    Args:
        id: Names it.
        uses_left: How many clients it may still register; None for any number.
        expires_at: From when it registers none; None for never.
        created_at: When it was made.
        note: What it is for.
        revoked: Whether it has been taken back.
    """

    id: str
    uses_left: int | None
    expires_at: int | None
    created_at: int
    note: str
    revoked: bool

    def state(self, now: int) -> str:
        """`VALID`, or why it is not."""
        if self.revoked:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "used up" if self.uses_left == 0 else VALID


_COLUMNS: Final = tuple(registration_tokens.c[name] for name in RegistrationToken.__struct_fields__)


def create(connection: Connection, now: int, uses: int | None, expires_at: int | None, note: str) -> str:
    """Make a token; nobody can ask for it again."""
    token = secrets.token_hex(32)
    row = {"id": secrets.token_hex(8), "token_hash": digest(token), "uses_left": uses, "expires_at": expires_at}
    connection.execute(insert(registration_tokens), {**row, "created_at": now, "note": note, "revoked": False})
    return token


def every(connection: Connection) -> list[RegistrationToken]:
    """All tokens, the oldest first."""
    order = (registration_tokens.c.created_at, registration_tokens.c.id)
    return [RegistrationToken(*row) for row in connection.execute(select(*_COLUMNS).order_by(*order))]


def revoke(connection: Connection, token_id: str) -> bool:
    """Take a token back; False if there is none of this id."""
    return connection.execute(update(registration_tokens).where(registration_tokens.c.id == token_id).values(revoked=True)).rowcount > 0


def is_valid(connection: Connection, token: str, now: int) -> bool:
    """Whether a token may register a client."""
    found = _find(connection, token)
    return found is not None and found.state(now) == VALID


def use(connection: Connection, token: str, client_id: str, now: int) -> bool:
    """Count a use of a token for a client, in the write transaction that adds this; False if the token is not valid (any more)."""
    found = _find(connection, token)
    if found is None or found.state(now) != VALID:
        return False
    if found.uses_left is not None:
        fewer = update(registration_tokens).where(registration_tokens.c.id == found.id).values(uses_left=found.uses_left - 1)
        connection.execute(fewer)
    connection.execute(insert(registrations).values(client_id=client_id, token_id=found.id))
    return True


def vouches(connection: Connection, token: str, client_id: str, now: int) -> bool:
    """Whether a token may speak for a client: one that is valid, or that has registered it, whatever became of the token since."""
    found = _find(connection, token)
    if found is None:
        return False
    registered_by = connection.scalar(select(registrations.c.token_id).where(registrations.c.client_id == client_id))
    return registered_by == found.id or found.state(now) == VALID


def _find(connection: Connection, token: str) -> RegistrationToken | None:
    row = connection.execute(select(*_COLUMNS).where(registration_tokens.c.token_hash == digest(token))).first()
    return RegistrationToken(*row) if row else None
