"""Records (protocol section 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from e3db_connectors.server import access
from e3db_connectors.server.access import Action
from e3db_connectors.server.http import Incoming, check_type, empty, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.routes.queries import results_of
from e3db_connectors.server.store import lag, policies, queries, records
from e3db_connectors.server.store.owners import Owner
from e3db_connectors.wire import limits
from e3db_connectors.wire.records import BatchGet, BulkDelete, BulkDeleteResult, FailedDelete, RecordUpload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection
    from starlette.responses import Response

    from e3db_connectors.server.store.records import StoredRecord


def write(incoming: Incoming) -> Response:
    """Create a record."""
    caller = incoming.caller()
    upload = upload_of(incoming)
    if upload.meta.file_meta is not None:
        raise Problem(400, "file_meta belongs to files, not to records")
    with incoming.database.write() as connection:
        access.require(connection, caller, Action.WRITE, owner_of(upload))
        policies.note_user(connection, incoming.database.clock, owner_of(upload))
        record = records.add(connection, incoming.database.clock, upload)
    return reply(record.body(), 201)


def upload_of(incoming: Incoming) -> RecordUpload:
    """A record that is to be written, with its user in canonical form."""
    upload = incoming.json(RecordUpload)
    check_type(upload.meta.record_type)
    return msgspec.structs.replace(upload, meta=msgspec.structs.replace(upload.meta, user_id=uuid_of(upload.meta.user_id)))


def owner_of(upload: RecordUpload) -> Owner:
    """Whose a record will be, and of which type."""
    return Owner(upload.meta.writer_id, upload.meta.user_id, upload.meta.record_type)


def read(incoming: Incoming) -> Response:
    """Read a record, or the fields of it that the query names; one that the caller may not see is as unknown as one that is not there."""
    caller = incoming.caller()
    record_id = uuid_of(incoming.segment("record_id"))
    with incoming.database.read() as connection:
        record = access.of_record(connection, caller, Action.READ, records.find(connection, record_id))
    return reply(record.body(incoming.query("field")))


def update(incoming: Incoming, *, versioned: bool = True) -> Response:
    """Replace a record, at its current version unless that does not matter."""
    caller = incoming.caller()
    upload = incoming.json(RecordUpload)
    with incoming.database.write() as connection:
        record = _current(connection, incoming, caller, Action.UPDATE, versioned=versioned)
        if owner_of(upload) != record.owner:
            raise Problem(400, "writer, user and type of a record never change")
        past = _keep(connection, incoming, record)
        changed = records.replace(connection, incoming.database.clock, record, upload)
        if past is not None:
            lag.end(connection, past, changed.last_modified)
    return reply(changed.body())


def update_any(incoming: Incoming) -> Response:
    """Replace a record whatever its version."""
    return update(incoming, versioned=False)


def delete_any(incoming: Incoming) -> Response:
    """Delete a record whatever its version."""
    return delete(incoming, versioned=False)


def delete(incoming: Incoming, *, versioned: bool = True) -> Response:
    """Delete a record, at its current version unless that does not matter; what is not there may not be deleted either (section 9.2)."""
    caller = incoming.caller()
    with incoming.database.write() as connection:
        record = _current(connection, incoming, caller, Action.DELETE, versioned=versioned)
        _keep(connection, incoming, record)
        records.remove(connection, record)
    _remove_bodies(incoming, [record])
    return empty()


def batch_get(incoming: Incoming) -> Response:
    """Read several records; those that the caller may not see are left out (section 9.3)."""
    caller = incoming.caller()
    body = incoming.json(BatchGet)
    record_ids = _batch(body.record_ids)
    with incoming.database.read() as connection:
        found = (records.find(connection, record_id) for record_id in record_ids)
        rows = queries.one_page(record for record in found if record and access.may(connection, caller, Action.READ, record.owner))
        return reply({"records": results_of(connection, rows, caller, include_data=bool(body.include_data))})


def bulk_delete(incoming: Incoming) -> Response:
    """Delete the caller's records among those named; the others are told (section 9.4)."""
    caller = incoming.caller()
    record_ids = _batch(incoming.json(BulkDelete).record_ids)
    failed: list[FailedDelete] = []
    removed: list[StoredRecord] = []
    with incoming.database.write() as connection:
        for record_id in record_ids:
            record = records.find(connection, record_id)
            if record and access.may(connection, caller, Action.DELETE, record.owner):
                _keep(connection, incoming, record)
                records.remove(connection, record)
                removed.append(record)
            else:
                failed.append(FailedDelete(record_id, "Not Found"))
    _remove_bodies(incoming, removed)
    return reply(BulkDeleteResult({"N/A": failed} if failed else {}))


def _keep(connection: Connection, incoming: Incoming, record: StoredRecord) -> int | None:
    """Keep a record's state for searches, if their index lags."""
    delay = incoming.settings.index_delay
    return lag.keep(connection, record, incoming.database.clock.moment(connection), delay) if delay.longest else None


def _remove_bodies(incoming: Incoming, removed: Iterable[StoredRecord]) -> None:
    """To be called after the commit: a record without its body would be lost, a body without its record is swept."""
    for record in removed:
        if record.file_body:
            incoming.bodies.remove(record.file_body)


def _batch(record_ids: list[str] | None) -> list[str]:
    """The ids of a batch, each once; clients in Go write an empty list as null."""
    if len(record_ids or ()) > limits.PAGE_MAX:
        raise Problem(400, f"a batch may name {limits.PAGE_MAX} records")
    return list(dict.fromkeys(record_ids or ()))


def _current(connection: Connection, incoming: Incoming, caller: str, action: Action, *, versioned: bool) -> StoredRecord:
    found = records.find(connection, uuid_of(incoming.segment("record_id")))
    record = access.of_record(connection, caller, action, found)
    if versioned and record.version != incoming.segment("version"):
        raise Problem(409, "the record has been changed since")
    return record
