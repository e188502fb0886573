"""The tables. Times are microseconds since the epoch, JSON is text that is ready to send."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text

REVISION: Final = "0008"
"""The migration that leads to this schema; a database of an older one is migrated, see `opening`."""

metadata = MetaData()

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

clock = Table(
    "clock",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("latest", BigInteger, nullable=False),
)
"""The highest stamp that was given; where several processes share a database, which is PostgreSQL."""

told = Table(
    "told",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("bound", BigInteger, nullable=False),
)
"""No ``Date`` above it has been sent; in a row of its own, which a stamp's transaction does not hold."""

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(36), primary_key=True),
    Column("name", Text, nullable=False),
    Column("type", String(64), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("signing_key", Text, nullable=False),
    Column("api_key_id", String(64), nullable=False, unique=True),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("has_backup", Boolean, nullable=False, default=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("client_id", String(36), ForeignKey("clients.client_id"), nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("writer_id", String(36), primary_key=True),
    Column("user_id", String(36), primary_key=True),
    Column("reader_id", String(36), ForeignKey("clients.client_id"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("eak", Text, nullable=False),
    Column("authorizer_id", String(36), ForeignKey("clients.client_id"), nullable=False),
)

policies = Table(
    "policies",
    metadata,
    Column("writer_id", String(36), ForeignKey("clients.client_id"), primary_key=True),
    Column("user_id", String(36), primary_key=True),
    Column("reader_id", String(36), ForeignKey("clients.client_id"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("right", String(16), primary_key=True),
    Column("granted", BigInteger, nullable=False),
    Column("granted_by", String(36), nullable=False),
)
Index("policies_by_reader", policies.c.reader_id, policies.c.right)

nonces = Table(
    "nonces",
    metadata,
    Column("public_key", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("seen_at", BigInteger, nullable=False, index=True),
)

records = Table(
    "records",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("record_id", String(36), nullable=False, unique=True),
    Column("writer_id", String(36), ForeignKey("clients.client_id"), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("type", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("rec_sig", Text),
    Column("version", String(36), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("last_modified", BigInteger, nullable=False, unique=True),
    Column("file_meta", Text),
    Column("file_body", String(32)),
    sqlite_autoincrement=True,  # a deleted record's index is never given again: query pages go by it
)
Index("records_by_index", records.c.writer_id, records.c.type, records.c.seq)
Index("records_by_created", records.c.writer_id, records.c.type, records.c.created, records.c.record_id)
Index("records_by_modified", records.c.writer_id, records.c.type, records.c.last_modified, records.c.record_id)
Index(
    "records_by_body", records.c.file_body, sqlite_where=records.c.file_body.is_not(None), postgresql_where=records.c.file_body.is_not(None)
)

plain_members = Table(
    "plain_members",
    metadata,
    Column("seq", ForeignKey("records.seq", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("pair_hash", LargeBinary(16), primary_key=True, index=True),  # a key may be too long for an index
)

pending_files = Table(
    "pending_files",
    metadata,
    Column("file_id", String(36), primary_key=True),
    Column("writer_id", String(36), ForeignKey("clients.client_id"), nullable=False),
    Column("upload", Text, nullable=False),
    Column("checksum", String(24), nullable=False),
    Column("body", String(32), index=True),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

file_urls = Table(
    "file_urls",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("purpose", String(16), nullable=False),
    Column("file_id", String(36), nullable=False, index=True),
    Column("size", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
)

notes = Table(
    "notes",
    metadata,
    Column("note_id", String(36), primary_key=True),
    Column("id_string", Text, unique=True),
    Column("client_id", String(36), ForeignKey("clients.client_id")),
    Column("mode", Text, nullable=False),
    Column("recipient_signing_key", Text, nullable=False),
    Column("writer_signing_key", Text, nullable=False),
    Column("writer_encryption_key", Text, nullable=False),
    Column("encrypted_access_key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("plain", Text, nullable=False),
    Column("file_meta", Text, nullable=False),
    Column("signature", Text, nullable=False),
    Column("max_views", BigInteger, nullable=False),
    Column("views", BigInteger, nullable=False),
    Column("expiration", BigInteger, index=True),
    Column("expires", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

throttles = Table(
    "throttles",
    metadata,
    Column("subject_hash", LargeBinary(32), primary_key=True),
    Column("began", BigInteger, nullable=False, index=True),
    Column("count", BigInteger, nullable=False),
)

registration_tokens = Table(
    "registration_tokens",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("uses_left", Integer),
    Column("expires_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("revoked", Boolean, nullable=False),
)

registrations = Table(
    "registrations",
    metadata,
    Column("client_id", String(36), ForeignKey("clients.client_id"), primary_key=True),
    Column("token_id", String(16), ForeignKey("registration_tokens.id"), nullable=False),
)

past_records = Table(
    "past_records",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("record_id", String(36), nullable=False, index=True),
    Column("writer_id", String(36), nullable=False),
    Column("user_id", String(36), nullable=False),
    Column("type", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("last_modified", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=False, index=True),
)
"""States that records had, while the search index lags."""

past_plain_members = Table(
    "past_plain_members",
    metadata,
    Column("past_id", ForeignKey("past_records.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("pair_hash", LargeBinary(16), primary_key=True),
)
