"""Encrypted access keys: opaque to the server (protocol section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, tuple_

from e3db_connectors.server.store.accounts import client_infos
from e3db_connectors.server.store.owners import Owner
from e3db_connectors.server.store.schema import access_keys
from e3db_connectors.wire.records import AccessKey

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection


def find(connection: Connection, owners: Collection[Owner], reader_id: str) -> dict[Owner, AccessKey]:
    """The keys that *reader_id* has for *owners*; those that do not exist are left out."""
    if not owners:
        return {}
    rows = connection.execute(
        select(access_keys).where(
            access_keys.c.reader_id == reader_id,
            tuple_(access_keys.c.writer_id, access_keys.c.user_id, access_keys.c.type).in_(owners),
        ),
    ).all()
    people = client_infos(connection, {row.authorizer_id for row in rows} | {row.writer_id for row in rows})
    keys = {}
    for row in rows:
        signer = people.get(row.writer_id)
        signs = signer is not None and signer.signing_key is not None
        keys[Owner(row.writer_id, row.user_id, row.type)] = AccessKey(
            eak=row.eak,
            authorizer_id=row.authorizer_id,
            authorizer_public_key=people[row.authorizer_id].public_key,
            signer_id=row.writer_id if signs else None,
            signer_signing_key=signer.signing_key if signs and signer else None,
        )
    return keys


def add(connection: Connection, owner: Owner, reader_id: str, eak: str, authorizer_id: str) -> bool:
    """Store a key; False if there is one already, for replacing it would orphan every record that it opens."""
    if find(connection, [owner], reader_id):
        return False
    connection.execute(insert(access_keys), {**owner._asdict(), "reader_id": reader_id, "eak": eak, "authorizer_id": authorizer_id})
    return True


def remove(connection: Connection, owner: Owner, reader_id: str) -> None:
    """Forget a key, if it is there."""
    connection.execute(delete(access_keys).where(owner.holds(access_keys), access_keys.c.reader_id == reader_id))
