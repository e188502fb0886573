"""Registration, tokens and client information (protocol sections 3, 5 and 6)."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from e3db_connectors.server.http import Incoming, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import accounts, registrations, throttles
from e3db_connectors.wire import limits
from e3db_connectors.wire.accounts import PublicInfo, PublicInfoRequest, PublicInfos, Registration

if TYPE_CHECKING:
    from starlette.responses import Response

    from e3db_connectors.wire.accounts import ClientInfo
    from e3db_connectors.wire.records import KeyMap

_KEY_KINDS = {"curve25519", "p384"}

_FAILURES_OF_KEY: Final = 10
"""Failed attempts to sign in that are answered in a minute, of one address with one API key id."""

_FAILURES_OF_ADDRESS: Final = 100
"""The same with any API key id."""


def register(incoming: Incoming) -> Response:
    """Make a new client."""
    body = incoming.json(Registration)
    limited = not _is_unlimited(incoming, body.token)
    if limited:
        with incoming.database.read() as connection:  # no turn to write is taken by those who are refused
            _check_token(valid=registrations.is_valid(connection, body.token, incoming.database.clock.moment(connection)))
    if not 1 <= len(body.client.name) <= limits.NAME_MAX or len(body.client.type or "") > limits.NAME_MAX:
        raise Problem(400, f"a client's name has 1 to {limits.NAME_MAX} characters, its type no more")
    if max(_size(body.client.public_key), _size(body.client.signing_key)) > limits.KEY_MAX:
        raise Problem(400, f"keys of one kind have {limits.KEY_MAX} characters at most")
    if not _KEY_KINDS & {kind for kind, key in body.client.public_key.items() if key}:
        raise Problem(400, "public_key must hold a curve25519 or p384 key")
    with incoming.database.write() as connection:
        made = accounts.add_client(connection, body.client)
        if limited:
            _check_token(valid=registrations.use(connection, body.token, made.client_id, incoming.database.clock.moment(connection)))
    return reply(made, 201, {"X-Backup-Client": incoming.database.backup_client_id})


def backed_up(incoming: Incoming) -> Response:
    """Note that a client has backed up its keys; the registration token in the path vouches for the caller (section 5.2)."""
    token, client = incoming.segment("registration_token"), incoming.segment("client_id")
    if not _is_unlimited(incoming, token):
        with incoming.database.read() as connection:
            _check_token(valid=registrations.vouches(connection, token, client.lower(), incoming.database.clock.moment(connection)))
    client_id = uuid_of(client, 404)
    with incoming.database.write() as connection:
        if not accounts.mark_backup(connection, client_id):
            raise Problem(404, "no such client")
    return reply({})


def token(incoming: Incoming) -> Response:
    """Sign in."""
    api_key_id, api_secret = incoming.basic()
    database = incoming.database
    with database.read() as connection:
        client_id = accounts.check_secret(connection, api_key_id, api_secret)
    if client_id is None:
        _count_failure(incoming, api_key_id)
        raise Problem(401, "API key id or secret are not valid")
    with database.write() as connection:
        return reply(accounts.issue_token(connection, client_id, database.clock.moment(connection)))


def _count_failure(incoming: Incoming, api_key_id: str) -> None:
    """Refuse to say whether a secret is wrong to whom has guessed too often.

    A right one is never refused, or anybody could lock a client out: so this comes after the check.
    """
    address, database = incoming.address(), incoming.database
    failures = (
        throttles.Limit(_FAILURES_OF_KEY, ("login", address, api_key_id)),
        throttles.Limit(_FAILURES_OF_ADDRESS, ("logins", address)),  # which bounds what is stored, too
    )
    with database.read() as connection:  # no turn to write is taken by those who are refused
        seconds = throttles.wait(connection, database.clock.moment(connection), *failures)
    if not seconds:
        with database.write() as connection:
            seconds = throttles.take(connection, database.clock.moment(connection), *failures)
    if seconds:
        raise Problem(429, "too many failed attempts to sign in", seconds)


def client_info(incoming: Incoming) -> Response:
    """What is public of a client; a malformed id is as unknown as any other (section 6.1)."""
    return reply(_client_info(incoming))


def public_info(incoming: Incoming) -> Response:
    """A client's keys alone (section 6.2)."""
    return reply(_keys_of(_client_info(incoming)))


def public_infos(incoming: Incoming) -> Response:
    """The keys of several clients; unknown ones are left out (section 6.2)."""
    incoming.caller()
    client_ids = incoming.json(PublicInfoRequest).client_ids or []
    if len(client_ids) > limits.PAGE_MAX:
        raise Problem(400, f"client_ids may name {limits.PAGE_MAX} clients")
    with incoming.database.read() as connection:
        infos = accounts.client_infos(connection, client_ids)
    return reply(PublicInfos({client_id: _keys_of(info) for client_id, info in infos.items()}))


def service_check(_incoming: Incoming) -> Response:
    """Answer a probe."""
    return reply({"status": "ok"})


def auth_check(incoming: Incoming) -> Response:
    """Answer a probe of the original's service for tokens."""
    return service_check(incoming)


def client_check(incoming: Incoming) -> Response:
    """Answer a probe of the original's service for clients."""
    return service_check(incoming)


def _is_unlimited(incoming: Incoming, token: str) -> bool:
    """Whether it is the token that the server was started with."""
    return hmac.compare_digest(accounts.digest(token), incoming.registration_token_hash)


def _size(keys: KeyMap | None) -> int:
    return sum(len(name) + len(key) for name, key in (keys or {}).items())


def _check_token(*, valid: bool) -> None:
    if not valid:
        raise Problem(401, "the registration token is not valid")


def _client_info(incoming: Incoming) -> ClientInfo:
    incoming.caller()
    client_id = uuid_of(incoming.segment("client_id"), 404)
    with incoming.database.read() as connection:
        info = accounts.client_info(connection, client_id)
    if info is None:
        raise Problem(404, "no such client")
    return info


def _keys_of(info: ClientInfo) -> PublicInfo:
    return PublicInfo(info.client_id, info.public_key, info.signing_key)
