"""Sharing and authorizers (protocol section 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from e3db_connectors.server import access
from e3db_connectors.server.access import Action
from e3db_connectors.server.http import Incoming, page_of, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import accounts, policies
from e3db_connectors.server.store.owners import Owner
from e3db_connectors.wire.sharing import PolicyChange, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection
    from starlette.responses import Response

    Rights = list[dict[str, dict[str, str]]] | None


class OutgoingRequest(msgspec.Struct, frozen=True):
    """Body of ``POST /v2/storage/share/outgoing``."""

    record_type: str
    reader_id: str | None = None
    limit: int | None = None
    next_token: int | None = None


def change(incoming: Incoming) -> Response:
    """Give or take rights; the deny of a body goes last, and so over its allow."""
    caller = incoming.caller()
    owner, reader_id = incoming.owner(), uuid_of(incoming.segment("reader_id"))
    body = incoming.json(PolicyChange)
    allowed, denied = _rights(body.allow), _rights(body.deny)
    if not allowed and not denied:
        raise Problem(400, "allow or deny must name a right")
    with incoming.database.write() as connection:
        access.require_sharer(connection, caller, owner, reader_id, {*allowed, *denied})
        if accounts.client_info(connection, reader_id) is None:
            raise Problem(404, "no such reader")
        for right in allowed:
            policies.allow(connection, incoming.database.clock, owner, reader_id, right, caller)
        for right in denied:
            policies.deny(connection, owner, reader_id, right)
    return reply({}, 201)


def remove_authorizer(incoming: Incoming) -> Response:
    """Take the right to share from an authorizer, for all types."""
    caller = incoming.caller()
    user_id, writer_id, reader_id = (uuid_of(incoming.segment(name)) for name in ("user_id", "writer_id", "reader_id"))
    with incoming.database.write() as connection:
        access.require(connection, caller, Action.APPOINT, Owner(writer_id, user_id, ""), reader_id)
        policies.remove_authorizer(connection, writer_id, user_id, reader_id)
    return reply({})


def outgoing(incoming: Incoming) -> Response:
    """What the caller shares."""
    return _list(incoming, policies.outgoing)


def incoming_shares(incoming: Incoming) -> Response:
    """What is shared with the caller."""
    return _list(incoming, policies.incoming)


def proxies(incoming: Incoming) -> Response:
    """The caller's authorizers."""
    return _list(incoming, policies.proxies)


def granted(incoming: Incoming) -> Response:
    """For whom the caller is an authorizer."""
    return _list(incoming, policies.granted)


def outgoing_page(incoming: Incoming) -> Response:
    """What the caller shares of a type, in pages."""
    caller = incoming.caller()
    body = incoming.json(OutgoingRequest)
    limit, offset = page_of(body.limit, body.next_token)
    with incoming.database.read() as connection:
        shares = policies.outgoing(connection, caller)
    found = [share for share in shares if share.record_type == body.record_type and (body.reader_id or share.reader_id) == share.reader_id]
    page = [{"reader_id": share.reader_id, "record_type": share.record_type} for share in found[offset : offset + limit]]
    end = offset + len(page)
    return reply({"shares": page, "next_token": end if end < len(found) else 0})


def _list(incoming: Incoming, entries: Callable[[Connection, str], Sequence[Any]]) -> Response:
    caller = incoming.caller()
    with incoming.database.read() as connection:
        return reply(entries(connection, caller))


def _rights(entries: Rights) -> list[Right]:
    try:
        return [Right(name) for entry in entries or () for name in entry]
    except ValueError:
        raise Problem(400, "a policy may hold the rights read and authorizer") from None
