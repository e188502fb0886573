"""How far the times that were told may have gone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A table; its row is made when the database is opened."""
    op.create_table(
        "told",
        sa.Column("one", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("bound", sa.BigInteger, nullable=False),
    )
