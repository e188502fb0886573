"""The client that registrations name in ``X-Backup-Client``, and that key backups are shared with (protocol section 5)."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy import delete, insert, select, update

from e3db_connectors.server import backup_keys
from e3db_connectors.server.store.accounts import digest
from e3db_connectors.server.store.schema import clients, settings
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_ID: Final = "backup_client_id"
_GIVEN: Final = "backup_keys_given"


def ensure(connection: Connection, given: Mapping[str, str]) -> tuple[str, list[str]]:
    """Make the client, or bring its keys up to date: for each suite there is one, so that every client can share with it.

    Args:
        connection: A write transaction.
        given: Public keys that the server was told, by their names; they replace others.

    Returns:
        The client's id, and the names of keys that were made here, now or before: nobody has their private half.
    """
    client_id = _setting(connection, _ID) or _add(connection)
    stored = keys_of(connection, client_id)
    made = {name: backup_keys.make(name) for name in backup_keys.NAMES if name not in {**stored, **given}}
    keys = {**stored, **given, **made}
    if keys != stored:
        connection.execute(update(clients).where(clients.c.client_id == client_id).values(public_key=to_bytes(keys).decode()))
    before = set((_setting(connection, _GIVEN) or "").split())
    if not set(given) <= before:
        connection.execute(delete(settings).where(settings.c.name == _GIVEN))
        _set(connection, _GIVEN, " ".join(sorted({*before, *given})))
    return client_id, [name for name in backup_keys.NAMES if name not in {*before, *given}]


def keys_of(connection: Connection, client_id: str) -> dict[str, str]:
    """Its public keys by their names."""
    public_key = connection.execute(select(clients.c.public_key).where(clients.c.client_id == client_id)).scalar_one()
    return dict(json.loads(public_key))


def renew(connection: Connection, client_id: str) -> dict[str, str]:
    """Give it a new API secret; what it signs in with."""
    api_secret = secrets.token_hex(32)
    changed = update(clients).where(clients.c.client_id == client_id).values(secret_hash=digest(api_secret)).returning(clients.c.api_key_id)
    return {"client_id": client_id, "api_key_id": connection.execute(changed).scalar_one(), "api_secret": api_secret}


def _add(connection: Connection) -> str:
    """Nobody knows its secret; see `renew`."""
    client_id = str(uuid4())
    connection.execute(
        insert(clients).values(
            client_id=client_id,
            name="backup",
            type="backup",
            public_key="{}",
            signing_key="{}",
            api_key_id=secrets.token_hex(32),
            secret_hash=secrets.token_bytes(32),
        ),
    )
    _set(connection, _ID, client_id)
    return client_id


def _setting(connection: Connection, name: str) -> str | None:
    return connection.scalar(select(settings.c.value).where(settings.c.name == name))


def _set(connection: Connection, name: str, value: str) -> None:
    connection.execute(insert(settings).values(name=name, value=value))
