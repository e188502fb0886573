"""Counts of what is limited."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """A table."""
    op.create_table(
        "throttles",
        sa.Column("subject_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("began", sa.BigInteger, nullable=False, index=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
