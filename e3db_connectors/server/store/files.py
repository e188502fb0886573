"""Large files: announced, uploaded, committed, and the URLs that their bodies go by (protocol section 13)."""

from __future__ import annotations

import secrets
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

import msgspec
from sqlalchemy import delete, insert, select, union, update

from e3db_connectors.server.store import records
from e3db_connectors.server.store.accounts import digest
from e3db_connectors.server.store.schema import file_urls, pending_files
from e3db_connectors.server.store.schema import records as record_table
from e3db_connectors.wire.records import FileMeta, RecordUpload, to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from e3db_connectors.server.clock import Clock
    from e3db_connectors.server.store.records import StoredRecord

UPLOAD_SECONDS: Final = 1800
"""Within which an upload has to begin."""

DOWNLOAD_SECONDS: Final = 900
PENDING_SECONDS: Final = 24 * 3600
"""Within which an upload has to end, and be committed."""

_SECOND: Final = 1_000_000
_FORGET_AT_ONCE: Final = 1000


class Purpose(StrEnum):
    """What a URL is good for."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class Upload(NamedTuple):
    """What may be uploaded once."""

    file_id: str
    size: int
    checksum: str


class Download(NamedTuple):
    """A body that may be downloaded."""

    body: str
    size: int


class Pending(NamedTuple):
    """An announced file, and its body once that is there."""

    upload: RecordUpload
    body: str | None


def announce(connection: Connection, now: int, upload: RecordUpload, checksum: str, size: int) -> tuple[str, str]:
    """Store what will be a record when its body has come; its id, and a token to upload with."""
    file_id = str(uuid4())
    connection.execute(
        insert(pending_files).values(
            file_id=file_id,
            writer_id=upload.meta.writer_id,
            upload=to_bytes(upload).decode(),
            checksum=checksum,
            expires_at=now + PENDING_SECONDS * _SECOND,
        ),
    )
    return file_id, _add_url(connection, Purpose.UPLOAD, file_id, size, now + UPLOAD_SECONDS * _SECOND)


def find_upload(connection: Connection, now: int, token: str) -> Upload | None:
    """What a token lets upload."""
    found = connection.execute(
        select(file_urls.c.file_id, file_urls.c.size, pending_files.c.checksum)
        .join(pending_files, pending_files.c.file_id == file_urls.c.file_id)
        .where(
            file_urls.c.token_hash == digest(token),
            file_urls.c.purpose == Purpose.UPLOAD.value,
            file_urls.c.expires_at >= now,
        ),
    ).first()
    return Upload(*found) if found else None


def take(connection: Connection, token: str, body: str) -> bool:
    """Note that *body* has come by an upload token, which is used up by that; False if it has been before."""
    with_token = file_urls.c.token_hash == digest(token), file_urls.c.purpose == Purpose.UPLOAD.value
    file_id = connection.scalar(select(file_urls.c.file_id).where(*with_token))
    if file_id is None:
        return False
    connection.execute(delete(file_urls).where(*with_token))
    connection.execute(update(pending_files).where(pending_files.c.file_id == file_id).values(body=body))
    return True


def pending(connection: Connection, file_id: str, writer_id: str) -> Pending | None:
    """What *writer_id* has announced and not committed yet."""
    found = connection.execute(
        select(pending_files.c.upload, pending_files.c.body).where(
            pending_files.c.file_id == file_id,
            pending_files.c.writer_id == writer_id,
        ),
    ).first()
    return Pending(msgspec.json.decode(found.upload, type=RecordUpload), found.body) if found else None


def commit(connection: Connection, clock: Clock, file_id: str, upload: RecordUpload, body: str) -> StoredRecord:
    """Make a record of what was pending."""
    connection.execute(delete(pending_files).where(pending_files.c.file_id == file_id))
    return records.add(connection, clock, upload, file_id, body)


def offer(connection: Connection, now: int, record: StoredRecord) -> str:
    """A token to download a file's body with."""
    size = msgspec.json.decode(record.file_meta or "{}", type=FileMeta).size
    connection.execute(delete(file_urls).where(file_urls.c.purpose == Purpose.DOWNLOAD.value, file_urls.c.expires_at < now))
    return _add_url(connection, Purpose.DOWNLOAD, record.record_id, size, now + DOWNLOAD_SECONDS * _SECOND)


def find_download(connection: Connection, now: int, token: str) -> Download | None:
    """What a token lets download."""
    found = connection.execute(
        select(record_table.c.file_body, file_urls.c.size)
        .join(record_table, record_table.c.record_id == file_urls.c.file_id)
        .where(
            file_urls.c.token_hash == digest(token),
            file_urls.c.purpose == Purpose.DOWNLOAD.value,
            file_urls.c.expires_at >= now,
        ),
    ).first()
    return Download(*found) if found else None


def forget(connection: Connection, now: int) -> list[str]:
    """Forget files that were announced and never committed; the names of bodies to remove once this is committed."""
    late = connection.execute(
        select(pending_files.c.file_id, pending_files.c.body).where(pending_files.c.expires_at < now).limit(_FORGET_AT_ONCE),
    ).all()
    ids = [row.file_id for row in late]
    if ids:
        connection.execute(delete(file_urls).where(file_urls.c.file_id.in_(ids)))
        connection.execute(delete(pending_files).where(pending_files.c.file_id.in_(ids)))
    return [row.body for row in late if row.body]


def in_use(connection: Connection, bodies: Collection[str]) -> set[str]:
    """Those of *bodies* that a record, or a pending file, has."""
    columns = (record_table.c.file_body, pending_files.c.body)
    return set(connection.scalars(union(*(select(column).where(column.in_(bodies)) for column in columns))))


def _add_url(connection: Connection, purpose: Purpose, file_id: str, size: int, expires_at: int) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(file_urls).values(token_hash=digest(token), purpose=purpose.value, file_id=file_id, size=size, expires_at=expires_at),
    )
    return token
