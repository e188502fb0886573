"""Registration, tokens and client information (protocol sections 3, 5 and 6)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from e3db_connectors.server.http import Incoming, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import accounts
from e3db_connectors.wire import limits
from e3db_connectors.wire.accounts import Registration

if TYPE_CHECKING:
    from starlette.responses import Response

_KEY_KINDS = {"curve25519", "p384"}


def register(incoming: Incoming) -> Response:
    """Make a new client."""
    body = incoming.json(Registration)
    if not hmac.compare_digest(accounts.digest(body.token), incoming.registration_token_hash):
        raise Problem(401, "the registration token is not valid")
    if not 1 <= len(body.client.name) <= limits.NAME_MAX:
        raise Problem(400, f"a client's name has 1 to {limits.NAME_MAX} characters")
    if not _KEY_KINDS & {kind for kind, key in body.client.public_key.items() if key}:
        raise Problem(400, "public_key must hold a curve25519 or p384 key")
    with incoming.database.write() as connection:
        made = accounts.add_client(connection, body.client)
    return reply(made, 201, {"X-Backup-Client": incoming.database.backup_client_id})


def token(incoming: Incoming) -> Response:
    """Sign in."""
    api_key_id, api_secret = incoming.basic()
    database = incoming.database
    with database.read() as connection:
        client_id = accounts.check_secret(connection, api_key_id, api_secret)
    if client_id is None:
        raise Problem(401, "API key id or secret are not valid")
    with database.write() as connection:
        return reply(accounts.issue_token(connection, client_id, database.clock.now()))


def client_info(incoming: Incoming) -> Response:
    """What is public of a client; a malformed id is as unknown as any other (section 6.1)."""
    incoming.caller()
    client_id = uuid_of(incoming.segment("client_id"), 404)
    with incoming.database.read() as connection:
        info = accounts.client_info(connection, client_id)
    if info is None:
        raise Problem(404, "no such client")
    return reply(info)


def service_check(_incoming: Incoming) -> Response:
    """Answer a probe."""
    return reply({"status": "ok"})
