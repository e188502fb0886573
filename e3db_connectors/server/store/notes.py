"""Notes: named once, read by one key, gone when they are used up (protocol section 14)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec
from sqlalchemy import delete, insert, select, update

from e3db_connectors.errors import InvalidTime
from e3db_connectors.server.store.schema import notes
from e3db_connectors.wire import times
from e3db_connectors.wire.notes import UNLIMITED, ZERO_TIME
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from e3db_connectors.wire.notes import NoteUpload

_SECOND: Final = 1_000_000
_JAVA_DATE: Final = "%a %b %d %H:%M:%S UTC %Y"


class StoredNote(msgspec.Struct, frozen=True):
    """A row of the notes table."""

    note_id: str
    id_string: str | None
    client_id: str | None
    mode: str
    recipient_signing_key: str
    writer_signing_key: str
    writer_encryption_key: str
    encrypted_access_key: str
    type: str
    data: str
    plain: str
    file_meta: str
    signature: str
    max_views: int
    views: int
    expiration: int | None
    expires: bool
    created_at: int

    @property
    def views_left(self) -> int:
        """How often it can still be read; -1 for any number of times."""
        return self.max_views - self.views if self.max_views > 0 else UNLIMITED

    def body(self) -> dict[str, Any]:
        """All of it, as it is sent."""
        writer = {"client_id": self.client_id} if self.client_id else {}
        return {
            **writer,
            "note_id": self.note_id,
            "id_string": self.id_string or "",
            "mode": self.mode,
            "recipient_signing_key": self.recipient_signing_key,
            "writer_signing_key": self.writer_signing_key,
            "writer_encryption_key": self.writer_encryption_key,
            "encrypted_access_key": self.encrypted_access_key,
            "type": self.type,
            "data": msgspec.Raw(self.data.encode()),
            "plain": msgspec.Raw(self.plain.encode()),
            "file_meta": msgspec.Raw(self.file_meta.encode()),
            "signature": self.signature,
            "max_views": self.max_views,
            "views": self.views,
            "expiration": ZERO_TIME if self.expiration is None else _render(self.expiration),
            "expires": self.expires,
            "created_at": _render(self.created_at),
        }


def add(connection: Connection, upload: NoteUpload, client_id: str | None, now: int) -> StoredNote:
    """Store a new note of a client, or of an anonymous writer, whose notes have no name."""
    note = StoredNote(
        note_id=str(uuid4()),
        id_string=(upload.id_string or None) if client_id else None,
        client_id=client_id,
        mode=upload.mode or "Sodium",
        recipient_signing_key=upload.recipient_signing_key,
        writer_signing_key=upload.writer_signing_key,
        writer_encryption_key=upload.writer_encryption_key,
        encrypted_access_key=upload.encrypted_access_key,
        type=upload.type or "",
        data=to_bytes(upload.data or {}).decode(),
        plain=to_bytes(upload.plain or {}).decode(),
        file_meta=to_bytes(upload.file_meta or {}).decode(),
        signature=upload.signature,
        max_views=upload.max_views or UNLIMITED,
        views=0,
        expiration=_expiration(upload.expiration),
        expires=bool(upload.expires),
        created_at=now,
    )
    connection.execute(insert(notes), msgspec.structs.asdict(note))
    return note


def forget_expired(connection: Connection, now: int) -> None:
    """Delete the notes whose time is up; only then are their names free, and they themselves not to be found."""
    connection.execute(delete(notes).where(notes.c.expiration <= now, notes.c.expires))


def find(connection: Connection, note_id: str) -> StoredNote | None:
    """The note of an id."""
    return _first(connection, notes.c.note_id == note_id)


def find_named(connection: Connection, id_string: str) -> StoredNote | None:
    """The note of a name."""
    return _first(connection, notes.c.id_string == id_string)


def count_view(connection: Connection, note: StoredNote) -> None:
    """Take note of a view; the last one leaves nothing."""
    if note.views_left == 1:
        remove(connection, note)
    else:
        connection.execute(update(notes).where(notes.c.note_id == note.note_id).values(views=note.views + 1))


def remove(connection: Connection, note: StoredNote) -> None:
    """Delete a note."""
    connection.execute(delete(notes).where(notes.c.note_id == note.note_id))


def _first(connection: Connection, condition: ColumnElement[bool]) -> StoredNote | None:
    row = connection.execute(select(notes).where(condition)).first()
    return StoredNote(*row) if row else None


def _expiration(text: str | None) -> int | None:
    """When a note ends; a text that nobody can read means never (protocol section 14.1)."""
    if text is None or times.is_unset(text):
        return None
    try:
        return times.to_micros(times.parse(text))
    except InvalidTime:
        return _java_date(text)


def _java_date(text: str) -> int | None:
    """Java writes ``Tue Jul 28 10:00:00 UTC 2026``; what other zones are called is no standard."""
    try:
        found = datetime.strptime(text.replace(" GMT ", " UTC "), _JAVA_DATE).replace(tzinfo=UTC)
    except ValueError:
        return None
    return times.to_micros(found)


def _render(micros: int) -> str:
    # Some SDKs cannot read a time without a fraction (protocol section 1.3).
    return times.render_micros(micros + (micros % _SECOND == 0))
