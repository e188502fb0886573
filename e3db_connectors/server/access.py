"""Who may do what, by the policies that hold at the moment of the call (protocol sections 7.3, 9.2, 10.1, 11.7 and 12.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import policies
from e3db_connectors.wire.sharing import Right

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection

    from e3db_connectors.server.store.owners import Owner


@dataclass(frozen=True)
class Scope:
    """The records that a query may find: all that *writer_id* wrote, and those *shared* with it."""

    writer_id: str
    shared: Sequence[Owner] = ()


def may_read(connection: Connection, caller: str, owner: Owner) -> bool:
    """Whether the caller is the writer or the user of these records, or has the right to read them."""
    return caller in {owner.writer_id, owner.user_id} or policies.has(connection, owner, caller, Right.READ)


def scope(connection: Connection, caller: str, *, everyone: bool, writer_ids: Collection[str] = ()) -> Scope:
    """What a query finds: with *everyone*, or for given writers, also what is shared with the caller."""
    if not everyone and not writer_ids:
        return Scope(caller)
    shared = policies.shared_with(connection, caller)
    return Scope(caller, [owner for owner in shared if not writer_ids or owner.writer_id in writer_ids])


def require_sharer(connection: Connection, caller: str, owner: Owner, reader_id: str) -> None:
    """Let pass the writer, and an authorizer.

    An authorizer does not touch what the writer itself holds: without its own key the writer could open none of its records.

    Raises:
        Problem: The caller is somebody else.
    """
    if caller == owner.writer_id:
        return
    if reader_id == owner.writer_id or not policies.has(connection, owner, caller, Right.AUTHORIZER):
        raise Problem(403, "only the writer, or an authorizer of it, may share its records with others")


def require_granter(connection: Connection, caller: str, owner: Owner, reader_id: str, rights: Collection[Right]) -> None:
    """Let pass the writer, and an authorizer that gives or takes nothing but the right to read.

    Raises:
        Problem: The caller is somebody else, or wants more.
    """
    require_sharer(connection, caller, owner, reader_id)
    if caller != owner.writer_id and Right.AUTHORIZER in rights:
        raise Problem(403, "only the writer appoints authorizers")
