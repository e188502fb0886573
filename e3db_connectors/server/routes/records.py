"""Records (protocol section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from e3db_connectors.server.http import Incoming, check_type, empty, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import records
from e3db_connectors.wire.records import RecordUpload

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.responses import Response

    from e3db_connectors.server.store.records import StoredRecord


def write(incoming: Incoming) -> Response:
    """Create a record."""
    caller = incoming.caller()
    upload = incoming.json(RecordUpload)
    if upload.meta.file_meta is not None:
        raise Problem(400, "file_meta belongs to files, not to records")
    if upload.meta.writer_id != caller:
        raise Problem(403, "writer_id must be the caller")
    check_type(upload.meta.record_type)
    upload = msgspec.structs.replace(upload, meta=msgspec.structs.replace(upload.meta, user_id=uuid_of(upload.meta.user_id)))
    with incoming.database.write() as connection:
        record = records.add(connection, incoming.database.clock, upload)
    return reply(record.body(), 201)


def read(incoming: Incoming) -> Response:
    """Read a record, or the fields of it that the query names; one that the caller may not see is as unknown as one that is not there."""
    caller = incoming.caller()
    record_id = uuid_of(incoming.segment("record_id"))
    with incoming.database.read() as connection:
        record = records.find(connection, record_id)
    if record is None or caller not in {record.writer_id, record.user_id}:
        raise Problem(404, "no such record")
    return reply(record.body(incoming.query("field")))


def update(incoming: Incoming) -> Response:
    """Replace a record at its current version."""
    caller = incoming.caller()
    upload = incoming.json(RecordUpload)
    with incoming.database.write() as connection:
        record = _current(connection, incoming, caller, missing=404)
        given = (upload.meta.writer_id, upload.meta.user_id, upload.meta.record_type)
        if given != (record.writer_id, record.user_id, record.type):
            raise Problem(400, "writer, user and type of a record never change")
        changed = records.replace(connection, incoming.database.clock, record, upload)
    return reply(changed.body())


def delete(incoming: Incoming) -> Response:
    """Delete a record at its current version; what is not there may not be deleted either (section 9.2)."""
    caller = incoming.caller()
    with incoming.database.write() as connection:
        records.remove(connection, _current(connection, incoming, caller, missing=403))
    return empty()


def _current(connection: Connection, incoming: Incoming, caller: str, missing: int) -> StoredRecord:
    record = records.find(connection, uuid_of(incoming.segment("record_id")))
    if record is None:
        raise Problem(missing, "no such record")
    if record.writer_id != caller:
        raise Problem(403 if record.user_id == caller else missing, "no such record of this client")
    if record.version != incoming.segment("version"):
        raise Problem(409, "the record has been changed since")
    return record
