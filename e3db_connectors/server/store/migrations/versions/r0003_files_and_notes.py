"""Large files, notes, and whether a client has backed its keys up."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Two new columns of records, one of clients, three tables."""
    with op.batch_alter_table("clients") as clients:
        clients.add_column(sa.Column("has_backup", sa.Boolean, nullable=False, server_default=sa.false()))
    with op.batch_alter_table("clients") as clients:
        clients.alter_column("has_backup", existing_type=sa.Boolean(), existing_nullable=False, server_default=None)
    op.add_column("records", sa.Column("file_meta", sa.Text))
    op.add_column("records", sa.Column("file_body", sa.String(32)))
    with_body = sa.text("file_body IS NOT NULL")
    op.create_index("records_by_body", "records", ["file_body"], sqlite_where=with_body, postgresql_where=with_body)
    _make_files()
    _make_notes()


def _make_files() -> None:
    op.create_table(
        "pending_files",
        sa.Column("file_id", sa.String(36), primary_key=True),
        sa.Column("writer_id", sa.String(36), sa.ForeignKey("clients.client_id"), nullable=False),
        sa.Column("upload", sa.Text, nullable=False),
        sa.Column("checksum", sa.String(24), nullable=False),
        sa.Column("body", sa.String(32), index=True),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "file_urls",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("file_id", sa.String(36), nullable=False, index=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
    )


def _make_notes() -> None:
    op.create_table(
        "notes",
        sa.Column("note_id", sa.String(36), primary_key=True),
        sa.Column("id_string", sa.Text, unique=True),
        sa.Column("client_id", sa.String(36), sa.ForeignKey("clients.client_id")),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("recipient_signing_key", sa.Text, nullable=False),
        sa.Column("writer_signing_key", sa.Text, nullable=False),
        sa.Column("writer_encryption_key", sa.Text, nullable=False),
        sa.Column("encrypted_access_key", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("plain", sa.Text, nullable=False),
        sa.Column("file_meta", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
        sa.Column("max_views", sa.BigInteger, nullable=False),
        sa.Column("views", sa.BigInteger, nullable=False),
        sa.Column("expiration", sa.BigInteger, index=True),
        sa.Column("expires", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
