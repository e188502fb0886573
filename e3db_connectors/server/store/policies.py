"""Policies: who may read records of others, or share them on (protocol section 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, delete, insert, select

from e3db_connectors.server.store.schema import clients, policies
from e3db_connectors.wire import times
from e3db_connectors.wire.sharing import Authorization, IncomingShare, OutgoingShare, Right

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Select

    from e3db_connectors.server.clock import Clock
    from e3db_connectors.server.store.owners import Owner

ABOUT: Final = "user"
"""Stands beside the rights for records that are about the reader; no request gives or takes it."""


def has(connection: Connection, owner: Owner, reader_id: str, right: str) -> bool:
    """Whether *reader_id* has *right* now."""
    return connection.execute(select(policies.c.granted).where(_is(owner, reader_id, right))).first() is not None


def allow(connection: Connection, clock: Clock, owner: Owner, reader_id: str, right: Right, granted_by: str) -> None:
    """Give a right; one that is there already keeps the time it was given at."""
    _add(connection, clock, owner, reader_id, right, granted_by)


def deny(connection: Connection, owner: Owner, reader_id: str, right: Right) -> None:
    """Take a right, if it is there."""
    connection.execute(delete(policies).where(_is(owner, reader_id, right)))


def remove_authorizer(connection: Connection, writer_id: str, user_id: str, authorizer_id: str) -> None:
    """Take the right to share from an authorizer, for all types."""
    connection.execute(
        delete(policies).where(
            policies.c.writer_id == writer_id,
            policies.c.user_id == user_id,
            policies.c.reader_id == authorizer_id,
            policies.c.right == Right.AUTHORIZER.value,
        ),
    )


def note_user(connection: Connection, clock: Clock, owner: Owner) -> None:
    """Remember that records are about their user, if that is another client than the writer: so its queries find them by an index."""
    if owner.user_id == owner.writer_id:
        return
    if connection.scalar(select(clients.c.client_id).where(clients.c.client_id == owner.user_id)):
        _add(connection, clock, owner, owner.user_id, ABOUT, owner.writer_id)


def readable(reader_id: str, rights: Sequence[str]) -> Select[Any]:
    """A select of the writers, types and users, in the order of the records' index, of all that *reader_id* has one of these rights to, or of `ABOUT`."""
    return select(policies.c.writer_id, policies.c.type, policies.c.user_id).where(
        policies.c.reader_id == reader_id,
        policies.c.right.in_([str(right) for right in rights]),
    )


def seen_readers(client_id: str) -> ColumnElement[bool]:
    """Which policies tell *client_id* who may read: those about its own records, and of others' records those that let itself read."""
    return (policies.c.right == Right.READ.value) & ((policies.c.writer_id == client_id) | (policies.c.reader_id == client_id))


def shared(client_id: str) -> Select[Any]:
    """A select of the writers, types and users of all that is shared with somebody, as far as *client_id* is told."""
    return select(policies.c.writer_id, policies.c.type, policies.c.user_id).where(seen_readers(client_id))


def outgoing(connection: Connection, writer_id: str) -> list[OutgoingShare]:
    """Read shares of the records of *writer_id*, in an order that stays."""
    rows = connection.execute(_named("reader_id", "writer_id", writer_id))
    return [OutgoingShare(row.reader_id, row.type, row.name) for row in rows]


def incoming(connection: Connection, reader_id: str) -> list[IncomingShare]:
    """Read shares given to *reader_id*."""
    rows = connection.execute(_named("writer_id", "reader_id", reader_id))
    return [IncomingShare(row.writer_id, row.type, row.name, times.render(times.from_micros(row.granted))) for row in rows]


def proxies(connection: Connection, writer_id: str) -> list[Authorization]:
    """Authorizers of *writer_id*."""
    return list(_authorizations(connection, policies.c.writer_id == writer_id))


def granted(connection: Connection, authorizer_id: str) -> list[Authorization]:
    """Rights to share on that *authorizer_id* has."""
    return list(_authorizations(connection, policies.c.reader_id == authorizer_id))


def _add(connection: Connection, clock: Clock, owner: Owner, reader_id: str, right: str, granted_by: str) -> None:
    if not has(connection, owner, reader_id, right):
        row = {"reader_id": reader_id, "right": str(right), "granted": clock.stamp(connection), "granted_by": granted_by}
        connection.execute(insert(policies), {**owner._asdict(), **row})


def _is(owner: Owner, reader_id: str, right: str) -> ColumnElement[bool]:
    return owner.holds(policies) & (policies.c.reader_id == reader_id) & (policies.c.right == str(right))


def _named(other: str, own: str, client_id: str) -> Select[Any]:
    """Read policies whose *own* member is a client, with the name of the client that the *other* member tells."""
    return (
        select(policies, clients.c.name)
        .join(clients, clients.c.client_id == policies.c[other])
        .where(policies.c[own] == client_id, policies.c.right == Right.READ.value)
        .order_by(policies.c.granted)
    )


def _authorizations(connection: Connection, where: ColumnElement[bool]) -> Iterator[Authorization]:
    statement = select(policies).where(where, policies.c.right == Right.AUTHORIZER.value).order_by(policies.c.granted)
    for row in connection.execute(statement):
        yield Authorization(row.reader_id, row.writer_id, row.user_id, row.type, row.granted_by)
