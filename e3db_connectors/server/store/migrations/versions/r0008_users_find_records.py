"""Users of records find them by a row of policies, which new records bring along: here the ones that were there."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_OWNER = ("writer_id", "user_id", "type")
_records = sa.table("records", *(sa.column(name) for name in (*_OWNER, "created")))
_clients = sa.table("clients", sa.column("client_id"))
_policies = sa.table("policies", *(sa.column(name) for name in (*_OWNER, "reader_id", "right", "granted", "granted_by")))


def upgrade() -> None:
    """A row for each writer, user and type; of a user who is a client, and not the writer."""
    owners = [_records.c[name] for name in _OWNER]
    noted = sa.exists().where(
        *(_policies.c[name] == _records.c[name] for name in _OWNER),
        _policies.c.reader_id == _records.c.user_id,
        _policies.c.right == "user",
    )
    missing = (
        sa.select(*owners, _records.c.user_id.label("reader_id"), sa.literal("user"), sa.func.min(_records.c.created), _records.c.writer_id)
        .where(_records.c.user_id != _records.c.writer_id, _records.c.user_id.in_(sa.select(_clients.c.client_id)), ~noted)
        .group_by(*owners)
    )
    op.execute(sa.insert(_policies).from_select([*_OWNER, "reader_id", "right", "granted", "granted_by"], missing))
