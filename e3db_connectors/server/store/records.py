"""Records: created, replaced at a version, deleted (protocol section 9)."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy import delete, insert, select, update

from e3db_connectors.server.store.owners import Owner
from e3db_connectors.server.store.prepared import Prepared
from e3db_connectors.server.store.schema import file_urls, plain_members, records
from e3db_connectors.wire import times
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Select

    from e3db_connectors.server.clock import Clock
    from e3db_connectors.wire.records import RecordUpload


_AT_ONCE: Final = 50
"""Rows that are taken from the database at a time; on SQLite no more of them are in memory than that."""

_ADD: Final = Prepared(insert(records).returning(records.c.seq), [name for name in records.c.keys() if name != "seq"])  # noqa: SIM118 - no dict


class StoredRecord(msgspec.Struct, frozen=True):
    """A row of the records table."""

    seq: int
    record_id: str
    writer_id: str
    user_id: str
    type: str
    plain: str
    data: str
    rec_sig: str | None
    version: str
    created: int
    last_modified: int
    file_meta: str | None = None
    file_body: str | None = None

    @property
    def owner(self) -> Owner:
        """Whose it is, and of which type."""
        return Owner(self.writer_id, self.user_id, self.type)

    @property
    def size(self) -> int:
        """Characters of what its writer chose the length of."""
        return len(self.data) + len(self.plain) + len(self.rec_sig or "")

    def meta(self) -> msgspec.Raw:
        """Its meta, as it is sent: put together as text, for pages have a thousand of them."""
        # Only files have the member: some SDKs take a null for a file, too (protocol section 9.1).
        file_meta = f',"file_meta":{self.file_meta}' if self.file_meta else ""
        return msgspec.Raw(
            f'{{"record_id":"{self.record_id}","writer_id":"{self.writer_id}","user_id":"{self.user_id}","type":{_quoted(self.type)},'
            f'"plain":{self.plain},"created":"{times.render_micros(self.created)}",'
            f'"last_modified":"{times.render_micros(self.last_modified)}","version":"{self.version}"{file_meta}}}',
        )

    def body(self, fields: Sequence[str] = ()) -> dict[str, Any]:
        """All of it, as it is sent; with *fields* only these of the data."""
        data: Any = msgspec.Raw(self.data.encode())
        if fields:
            data = {name: value for name, value in msgspec.json.decode(self.data).items() if name in fields}
        return {"meta": self.meta(), "data": data, "rec_sig": self.rec_sig}


@lru_cache(1000)
def _quoted(text: str) -> str:
    return to_bytes(text).decode()


def pair_hash(key: str, value: str) -> bytes:
    """By which an exact plain member is found; values themselves may be too long for an index."""
    named = len(key.encode()).to_bytes(4) + key.encode()
    return blake2b(named + value.encode(), digest_size=16).digest()


def searchable(text: str) -> str:
    """*text* as it is looked for: PostgreSQL keeps no NUL in a text."""
    return text.replace("\0", "\ufffd")


def add(connection: Connection, clock: Clock, upload: RecordUpload, record_id: str = "", body: str | None = None) -> StoredRecord:
    """Store a new record; a file's has the id that it was announced under, and a *body*."""
    now = clock.stamp(connection)
    record_id = record_id or str(uuid4())
    values = {
        "record_id": record_id,
        "writer_id": upload.meta.writer_id,
        "user_id": upload.meta.user_id,
        "type": upload.meta.record_type,
        "created": now,
        "last_modified": now,
        **_content(upload),
        "file_meta": None,
        "file_body": body,
    }
    if body:
        values["file_meta"] = to_bytes({"file_name": f"{record_id}-{now // 1_000_000}", **upload.meta.file_meta}).decode()
    seq: int = _ADD.execute(connection, values)[0]
    _index_plain(connection, seq, upload)
    return StoredRecord(seq=seq, **values)


def replace(connection: Connection, clock: Clock, record: StoredRecord, upload: RecordUpload) -> StoredRecord:
    """Replace the data and plain of a record."""
    changes = {"last_modified": clock.stamp(connection), **_content(upload)}
    connection.execute(update(records).where(records.c.seq == record.seq), changes)
    connection.execute(delete(plain_members).where(plain_members.c.seq == record.seq))
    _index_plain(connection, record.seq, upload)
    return msgspec.structs.replace(record, **changes)


def remove(connection: Connection, record: StoredRecord) -> None:
    """Delete a record, and the URLs of its file; the body is the caller's to remove, once this is committed."""
    connection.execute(delete(records).where(records.c.seq == record.seq))
    if record.file_body:
        connection.execute(delete(file_urls).where(file_urls.c.file_id == record.record_id))


def find(connection: Connection, record_id: str) -> StoredRecord | None:
    """One record, whoever wrote it."""
    row = connection.execute(select(records).where(records.c.record_id == record_id)).first()
    return StoredRecord(*row) if row else None


def fetch_page(connection: Connection, statement: Select[Any], most: int) -> tuple[list[StoredRecord], bool]:
    """The rows that a select of all columns of the records table gives, until they have more than *most* characters of data; and whether these are all."""
    rows: list[StoredRecord] = []
    size = 0
    for part in connection.execute(statement).partitions(_AT_ONCE):
        for row in part:
            if size > most:
                return rows, False
            rows.append(StoredRecord(*row))
            size += rows[-1].size
    return rows, True


def _content(upload: RecordUpload) -> dict[str, Any]:
    return {
        "plain": to_bytes(upload.meta.plain or {}).decode(),
        "data": to_bytes(upload.data or {}).decode(),
        "rec_sig": upload.rec_sig,
        "version": str(uuid4()),
    }


def _index_plain(connection: Connection, seq: int, upload: RecordUpload) -> None:
    members = [
        {"seq": seq, "key": searchable(key), "value": searchable(value), "pair_hash": pair_hash(key, value)}
        for key, value in (upload.meta.plain or {}).items()
    ]
    if members:
        connection.execute(insert(plain_members), members)
