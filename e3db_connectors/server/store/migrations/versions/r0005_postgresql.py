"""What PostgreSQL needs, registration tokens that end, and a lagging index.

Until here there were SQLite files only.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_COUNTER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """The members of `plain` get another key, since their own may be too long for an index; five tables are new."""
    _rekey_members()
    op.create_table(
        "clock",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("latest", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "registration_tokens",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("uses_left", sa.Integer),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
    )
    op.create_table(
        "registrations",
        sa.Column("client_id", sa.String(36), sa.ForeignKey("clients.client_id"), primary_key=True),
        sa.Column("token_id", sa.String(16), sa.ForeignKey("registration_tokens.id"), nullable=False),
    )
    op.create_table(
        "past_records",
        sa.Column("id", _COUNTER, primary_key=True, autoincrement=True),
        sa.Column("record_id", sa.String(36), nullable=False, index=True),
        sa.Column("writer_id", sa.String(36), nullable=False),
        sa.Column("user_id", sa.String(36), nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("last_modified", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table("past_plain_members", *_members("past_id", "past_records.id"))


def _rekey_members() -> None:
    op.rename_table("plain_members", "old_members")
    op.drop_index("ix_plain_members_pair_hash", "old_members")
    op.create_table("plain_members", *_members("seq", "records.seq"))
    op.execute("INSERT INTO plain_members (seq, key, value, pair_hash) SELECT seq, key, value, pair_hash FROM old_members")
    op.drop_table("old_members")
    op.create_index("ix_plain_members_pair_hash", "plain_members", ["pair_hash"])
    _replace_nul()


def _replace_nul() -> None:
    """PostgreSQL takes no NUL in a text, and searches look for another character in its place; SQLite cannot replace it."""
    connection = op.get_bind()
    found = "SELECT seq, pair_hash, key, value FROM plain_members WHERE instr(key, char(0)) > 0 OR instr(value, char(0)) > 0"
    for seq, pair_hash, *texts in connection.execute(sa.text(found)).all():
        key, value = (text.replace("\0", "\ufffd") for text in texts)
        change = sa.text("UPDATE plain_members SET key = :key, value = :value WHERE seq = :seq AND pair_hash = :pair_hash")
        connection.execute(change, {"key": key, "value": value, "seq": seq, "pair_hash": pair_hash})


def _members(owner: str, of: str) -> list[sa.Column[object]]:
    return [
        sa.Column(owner, _COUNTER, sa.ForeignKey(of, ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("pair_hash", sa.LargeBinary(16), primary_key=True),
    ]
