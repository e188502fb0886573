"""Access keys (protocol section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.server import access
from e3db_connectors.server.access import Action
from e3db_connectors.server.http import Incoming, empty, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import access_keys, accounts
from e3db_connectors.wire import limits
from e3db_connectors.wire.records import AccessKeyUpload

if TYPE_CHECKING:
    from starlette.responses import Response


def get(incoming: Incoming) -> Response:
    """Hand a key to its reader, or to the writer."""
    caller = incoming.caller()
    owner, reader_id = incoming.owner(), uuid_of(incoming.segment("reader_id"))
    with incoming.database.read() as connection:
        access.require(connection, caller, Action.GET_KEY, owner, reader_id)
        key = access_keys.find(connection, [owner], reader_id).get(owner)
    if key is None:
        raise Problem(404, "no such access key")
    return reply(key)


def put(incoming: Incoming) -> Response:
    """Store a key for a reader; never over another."""
    caller = incoming.caller()
    owner, reader_id = incoming.owner(), uuid_of(incoming.segment("reader_id"))
    body = incoming.json(AccessKeyUpload)
    if not 0 < len(body.eak) <= limits.KEY_MAX:
        raise Problem(400, f"an eak has 1 to {limits.KEY_MAX} characters")
    with incoming.database.write() as connection:
        access.require_sharer(connection, caller, owner, reader_id)
        if accounts.client_info(connection, reader_id) is None:
            raise Problem(404, "no such reader")
        if not access_keys.add(connection, owner, reader_id, body.eak, caller):
            raise Problem(409, "there is such an access key already")
    return reply(AccessKeyUpload(body.eak), 201)


def delete(incoming: Incoming) -> Response:
    """Forget a key, whether it is there or not."""
    caller = incoming.caller()
    owner, reader_id = incoming.owner(), uuid_of(incoming.segment("reader_id"))
    with incoming.database.write() as connection:
        access.require_sharer(connection, caller, owner, reader_id)
        access_keys.remove(connection, owner, reader_id)
    return empty()
