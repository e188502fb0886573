"""Large files (protocol section 13): announced, uploaded, committed, downloaded. Bodies go by URLs that are themselves the permission."""

from __future__ import annotations

import errno
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from e3db_connectors.server import access
from e3db_connectors.server.access import Action
from e3db_connectors.server.http import Incoming, reply, uuid_of
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.routes.records import owner_of, upload_of
from e3db_connectors.server.store import files, policies, records
from e3db_connectors.wire import limits
from e3db_connectors.wire.files import PendingFile
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO

    from starlette.requests import Request
    from starlette.responses import Response

    from e3db_connectors.server.blobs import Arrival
    from e3db_connectors.server.store.database import Database
    from e3db_connectors.server.store.files import Upload
    from e3db_connectors.server.store.records import StoredRecord

FILE_URL: Final = "/files/{file_token}"

_CHUNK: Final = 256 * 1024
_MD5_BYTES: Final = 16
_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Announced(msgspec.Struct, frozen=True):
    """What is told of the body that will come; a name and a URL that come along are the server's own to give."""

    checksum: str
    size: Annotated[int, msgspec.Meta(gt=0, le=limits.FILE_MAX)]
    compression: Annotated[str, msgspec.Meta(max_length=64)] | None = None


def announce(incoming: Incoming) -> Response:
    """Say where a file is to be uploaded; there is no record of it before it is committed."""
    caller = incoming.caller()
    upload = upload_of(incoming)
    announced = _announced(upload.meta.file_meta)
    file_meta = {"checksum": announced.checksum, "compression": announced.compression or "raw", "size": announced.size}
    upload = msgspec.structs.replace(upload, meta=msgspec.structs.replace(upload.meta, file_meta=file_meta))
    now = incoming.database.clock.now()
    with incoming.database.write() as connection:
        access.require(connection, caller, Action.WRITE, owner_of(upload))
        forgotten = files.forget(connection, now)
        file_id, token = files.announce(connection, now, upload, announced.checksum, announced.size)
    for body in forgotten:
        incoming.bodies.remove(body)
    return reply(PendingFile(file_id, _url(incoming, token)), 202)


def commit(incoming: Incoming) -> Response:
    """Make an uploaded file a record. Asked again, for a reply may get lost, it answers the same."""
    caller = incoming.caller()
    file_id = uuid_of(incoming.segment("file_id"), 404)
    with incoming.database.write() as connection:
        record = records.find(connection, file_id)
        if record is None:
            pending = files.pending(connection, file_id, caller)
            if pending is None:
                raise Problem(404, "no such file")
            if pending.body is None:
                raise Problem(409, "the file has not been uploaded yet")
            policies.note_user(connection, incoming.database.clock, owner_of(pending.upload))
            record = files.commit(connection, incoming.database.clock, file_id, pending.upload, pending.body)
        else:
            access.of_record(connection, caller, Action.COMMIT_FILE, _file(record))
    return reply(_body(record, ""), 201)


def read(incoming: Incoming) -> Response:
    """Read a file's record, with a URL to download the body from."""
    caller = incoming.caller()
    file_id = uuid_of(incoming.segment("file_id"), 404)
    with incoming.database.write() as connection:
        record = access.of_record(connection, caller, Action.READ_FILE, _file(records.find(connection, file_id)))
        token = files.offer(connection, incoming.database.clock.moment(connection), record)
    return reply(_body(record, _url(incoming, token)))


async def upload(request: Request) -> Response:
    """Take a body. It streams to the disk and is never held in memory, hence this is no `endpoint`."""
    state, token = request.app.state, request.path_params["file_token"]
    expected = await run_in_threadpool(_expected, state.database, token)
    _check_headers(request, expected)
    arrival = await run_in_threadpool(state.bodies.receive)
    try:
        async for chunk in request.stream():
            await run_in_threadpool(arrival.write, chunk)
        await run_in_threadpool(_take, state.database, token, expected, arrival)
    except ClientDisconnect:
        raise Problem(400, "the connection broke") from None
    except OSError as exc:
        if exc.errno in _DISK_FULL:
            raise Problem(507, "the server has no room for this file") from None
        raise
    finally:
        await run_in_threadpool(arrival.discard)
    return reply({})


async def download(request: Request) -> Response:
    """Send a body as it is."""
    size, body = await run_in_threadpool(_open, request)
    headers = {"Content-Length": str(size), "Cache-Control": "no-store"}
    return StreamingResponse(_chunks(body), headers=headers, media_type="application/octet-stream")


def _announced(file_meta: Any) -> Announced:
    try:
        announced = msgspec.convert(file_meta, Announced)
        md5 = b64decode(announced.checksum, validate=True)
    except msgspec.ValidationError as exc:
        raise Problem(400, f"file_meta: {exc}") from None
    except ValueError:
        md5 = b""
    if len(md5) != _MD5_BYTES or b64encode(md5).decode() != announced.checksum:
        raise Problem(400, "file_meta: checksum must be the MD5 of the body in standard base64")
    return announced


def _file(record: StoredRecord | None) -> StoredRecord | None:
    """The record if it is a file's: as a file, no other is there."""
    return record if record and record.file_meta else None


def _url(incoming: Incoming, token: str) -> str:
    return incoming.url(FILE_URL.format(file_token=token))


def _body(record: StoredRecord, file_url: str) -> dict[str, Any]:
    """The record with all members of its file_meta, each of which some SDK wants."""
    file_meta = {"file_url": file_url, **msgspec.json.decode(record.file_meta or "{}")}
    return msgspec.structs.replace(record, file_meta=to_bytes(file_meta).decode()).body()


def _expected(database: Database, token: str) -> Upload:
    with database.read() as connection:
        found = files.find_upload(connection, database.clock.moment(connection), token)
    if found is None:
        raise Problem(404, "this URL is not, or no more, good for an upload")
    return found


def _check_headers(request: Request, expected: Upload) -> None:
    if request.headers.get("Content-Length") != str(expected.size):
        raise Problem(400, f"Content-Length must be the announced size, {expected.size}")
    if request.headers.get("Content-MD5", expected.checksum) != expected.checksum:
        raise Problem(400, "Content-MD5 is not the announced checksum")


def _take(database: Database, token: str, expected: Upload, arrival: Arrival) -> None:
    """Let a complete body count. Its bytes, then its name, are on the disk before the database says so."""
    if (arrival.size, arrival.checksum()) != (expected.size, expected.checksum):
        raise Problem(400, "the body is not what was announced: its size or checksum differ")
    arrival.settle()
    with database.write() as connection:
        if not files.take(connection, token, arrival.name):
            raise Problem(404, "this URL has been used for another upload")
        arrival.keep()


def _open(request: Request) -> tuple[int, BinaryIO]:
    database: Database = request.app.state.database
    with database.read() as connection:
        found = files.find_download(connection, database.clock.moment(connection), request.path_params["file_token"])
    body = request.app.state.bodies.open(found.body) if found else None
    if found is None or body is None:  # it may have been deleted just now
        raise Problem(404, "this URL is not, or no more, good for a download")
    return found.size, body


async def _chunks(body: BinaryIO) -> AsyncIterator[bytes]:
    with body:
        while chunk := await run_in_threadpool(body.read, _CHUNK):
            yield chunk
