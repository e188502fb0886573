"""Notes (protocol section 14). Their callers sign each request, and may be known by their key alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from e3db_connectors.server import access
from e3db_connectors.server.access import Action
from e3db_connectors.server.http import Incoming, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import notes, throttles
from e3db_connectors.wire import limits
from e3db_connectors.wire.notes import NoteUpload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection
    from starlette.responses import Response

    from e3db_connectors.server.signing import Signer
    from e3db_connectors.server.store.notes import StoredNote

_ANONYMOUS_OF_ADDRESS: Final = 30
"""Notes that anonymous callers of one address may write in a minute."""

_ANONYMOUS: Final = 300
"""The same of all addresses."""


def write(incoming: Incoming) -> Response:
    """Store a note; a name that is taken stays with the note that has it."""
    signer = _anybody(incoming)
    upload = _upload(incoming, signer)
    with _writing(incoming) as (connection, now):
        if signer.client_id and upload.id_string and notes.find_named(connection, upload.id_string):
            raise Problem(409, "a note of this id_string exists")
        if not signer.client_id:
            _count_anonymous(connection, incoming, now)
        note = notes.add(connection, upload, signer.client_id, now)
    return reply(note.body(), 201)


def replace(incoming: Incoming) -> Response:
    """Put a note in the place of the caller's one of the same name, if there is one."""
    signer = incoming.signer(anonymous=False)
    upload = _upload(incoming, signer)
    if not upload.id_string:
        raise Problem(400, "id_string must name the note to replace")
    with _writing(incoming) as (connection, now):
        old = notes.find_named(connection, upload.id_string)
        if old:
            notes.remove(connection, access.of_note(signer, Action.REPLACE_NOTE, old))
        note = notes.add(connection, upload, signer.client_id, now)
    return reply(note.body())


def read(incoming: Incoming) -> Response:
    """Read a note, which counts; for all but its recipient there is none."""
    signer = _anybody(incoming)
    with _writing(incoming) as (connection, _):
        note = access.of_note(signer, Action.READ_NOTE, _wanted(connection, incoming))
        notes.count_view(connection, note)
    return reply(note.body())


def views_left(incoming: Incoming) -> Response:
    """Tell recipient or writer how often a note can still be read."""
    signer = _anybody(incoming)
    with _writing(incoming) as (connection, _):
        note = access.of_note(signer, Action.COUNT_NOTE, _wanted(connection, incoming))
    return reply(note.views_left)


def delete(incoming: Incoming) -> Response:
    """Delete a note; for all but its writer there is none."""
    signer = _anybody(incoming)
    note_id = uuid_of(incoming.segment("note_id"))
    with _writing(incoming) as (connection, _):
        notes.remove(connection, access.of_note(signer, Action.DELETE_NOTE, notes.find(connection, note_id)))
    return reply({})


@contextmanager
def _writing(incoming: Incoming) -> Iterator[tuple[Connection, int]]:
    """A transaction in which no note is past its time, and the time it is."""
    with incoming.database.write() as connection:
        now = incoming.database.clock.moment(connection)
        notes.forget_expired(connection, now)
        yield connection, now


def _anybody(incoming: Incoming) -> Signer:
    """Whoever signed the request, as far as this server lets in who is no client."""
    signer = incoming.signer(anonymous=True)
    if not signer.client_id and not incoming.settings.anonymous_notes:
        raise Problem(403, "this server has notes for its clients only")
    return signer


def _count_anonymous(connection: Connection, incoming: Incoming, now: int) -> None:
    written = (
        throttles.Limit(_ANONYMOUS_OF_ADDRESS, ("note", incoming.address())),
        throttles.Limit(_ANONYMOUS, ("notes",)),
    )
    seconds = throttles.take(connection, now, *written)
    if seconds:
        raise Problem(429, "too many notes of anonymous callers", seconds)


def _upload(incoming: Incoming, signer: Signer) -> NoteUpload:
    upload = incoming.json(NoteUpload, limits.NOTE_MAX)
    if upload.eacp and any(condition is not None for condition in upload.eacp.values()):
        raise Problem(400, "this server cannot enforce an eacp, so it takes no note with one")
    if upload.id_string and len(upload.id_string) > limits.NAME_MAX:
        raise Problem(400, f"an id_string has at most {limits.NAME_MAX} characters")
    access.signing_key(upload.recipient_signing_key)
    if access.signing_key(upload.writer_signing_key) != signer.public_key:
        raise Problem(400, "writer_signing_key must be the key that signs the request")
    return upload


def _wanted(connection: Connection, incoming: Incoming) -> StoredNote | None:
    note_ids, names = ([value for value in incoming.query(member) if value] for member in ("note_id", "id_string"))
    if len(note_ids) + len(names) != 1:
        raise Problem(400, "either note_id or id_string must name one note")
    return notes.find_named(connection, names[0]) if names else notes.find(connection, uuid_of(note_ids[0]))
