"""Clients, their API secrets and bearer tokens. Secrets are random 256-bit values; only their hashes are stored."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec
from sqlalchemy import delete, insert, select, update

from e3db_connectors.server.store.schema import clients, tokens
from e3db_connectors.wire import times
from e3db_connectors.wire.accounts import ClientInfo, RegisteredClient, Token
from e3db_connectors.wire.records import KeyMap, to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from e3db_connectors.server.store.database import Database
    from e3db_connectors.wire.accounts import NewClient

TOKEN_SECONDS: Final = 900
TOKEN_GRACE_SECONDS: Final = 30
"""Some SDKs use a token until its very end, without slack (protocol section 3)."""

_SECOND: Final = 1_000_000
_NOBODY: Final = bytes(32)


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return sha256(secret.encode()).digest()


def add_client(connection: Connection, new: NewClient) -> RegisteredClient:
    """Store a new client and give it an API key."""
    signing_key = {name: key for name, key in (new.signing_key or {}).items() if key}
    made = RegisteredClient(
        client_id=str(uuid4()),
        api_key_id=secrets.token_hex(32),
        api_secret=secrets.token_hex(32),
        name=new.name,
        public_key=new.public_key,
        signing_key=signing_key,
        type=new.type or "general",
    )
    connection.execute(
        insert(clients).values(
            client_id=made.client_id,
            name=made.name,
            type=made.type,
            public_key=to_bytes(made.public_key).decode(),
            signing_key=to_bytes(signing_key).decode(),
            api_key_id=made.api_key_id,
            secret_hash=digest(made.api_secret),
        ),
    )
    return made


def mark_backup(connection: Connection, client_id: str) -> bool:
    """Note that a client's keys are backed up; False if there is no such client."""
    return connection.execute(update(clients).where(clients.c.client_id == client_id).values(has_backup=True)).rowcount > 0


def check_secret(connection: Connection, api_key_id: str, api_secret: str) -> str | None:
    """The id of the client that this API key and secret belong to."""
    found = connection.execute(
        select(clients.c.client_id, clients.c.secret_hash).where(clients.c.api_key_id == api_key_id),
    ).first()
    stored = found.secret_hash if found else _NOBODY
    return found.client_id if hmac.compare_digest(stored, digest(api_secret)) and found else None


def issue_token(connection: Connection, client_id: str, now: int) -> Token:
    """Make a bearer token, and forget those that have run out."""
    connection.execute(delete(tokens).where(tokens.c.expires_at < now - TOKEN_GRACE_SECONDS * _SECOND))
    token = secrets.token_urlsafe(32)
    expires_at = now + TOKEN_SECONDS * _SECOND
    connection.execute(insert(tokens).values(token_hash=digest(token), client_id=client_id, expires_at=expires_at))
    fraction = 1 if expires_at % _SECOND == 0 else 0  # protocol section 1.3
    return Token(token, "bearer", TOKEN_SECONDS, times.render(times.from_micros(expires_at + fraction)))


class TokenCache:
    """Tokens that have been looked up: a token never changes, so it is good until it runs out."""

    def __init__(self, size: int = 10_000) -> None:
        """Start empty; more than *size* tokens are not kept."""
        self._size = size
        self._known: dict[bytes, tuple[str, int]] = {}

    def client_of(self, database: Database, token: str) -> str | None:
        """The id of the client that a bearer token was made for, if it has not run out."""
        now = database.clock.now() - TOKEN_GRACE_SECONDS * _SECOND
        token_hash = digest(token)
        found = self._known.get(token_hash) or self._look_up(database, token_hash)
        return found[0] if found and found[1] >= now else None

    def _look_up(self, database: Database, token_hash: bytes) -> tuple[str, int] | None:
        with database.read() as connection:
            row = connection.execute(
                select(tokens.c.client_id, tokens.c.expires_at).where(tokens.c.token_hash == token_hash),
            ).first()
        if row is None:
            return None
        if len(self._known) >= self._size:
            self._known.clear()
        self._known[token_hash] = found = (row.client_id, row.expires_at)
        return found


def client_info(connection: Connection, client_id: str) -> ClientInfo | None:
    """What any client may know of another."""
    return client_infos(connection, [client_id]).get(client_id)


def client_infos(connection: Connection, client_ids: Collection[str]) -> dict[str, ClientInfo]:
    """The same for several, by id."""
    rows = connection.execute(
        select(clients.c.client_id, clients.c.public_key, clients.c.signing_key).where(clients.c.client_id.in_(client_ids)),
    )
    return {
        row.client_id: ClientInfo(
            row.client_id,
            msgspec.json.decode(row.public_key, type=KeyMap),
            msgspec.json.decode(row.signing_key, type=KeyMap) or None,
            validated=True,
        )
        for row in rows
    }
