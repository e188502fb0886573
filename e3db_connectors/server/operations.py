"""What each endpoint takes and answers, for the OpenAPI document; paths, methods and words come from the routes themselves."""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from e3db_connectors.server.routes.files import Announced
from e3db_connectors.server.routes.policies import OutgoingRequest
from e3db_connectors.wire import accounts, files, notes, queries, records, search, sharing

SIGNED_IN: Final = ("bearer", "tsv1")
SIGNED: Final = ("tsv1",)
BINARY: Final = "application/octet-stream"
JSON: Final = "application/json"


class Health(msgspec.Struct):
    """The answer to a probe."""

    status: str


class Nothing(msgspec.Struct):
    """An empty object."""


class Failure(msgspec.Struct):
    """The body of every error."""

    error: str


class Shared(msgspec.Struct):
    """A type that this client has shared, and with whom."""

    reader_id: str
    record_type: str


class SharesPage(msgspec.Struct):
    """A page of shares; `next_token` is 0 when nothing is left."""

    shares: list[Shared]
    next_token: int


class AnnouncedMeta(records.MetaUpload, frozen=True, kw_only=True):
    """The meta of a file that is about to be uploaded."""

    file_meta: Announced


class AnnouncedFile(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/storage/files``."""

    meta: AnnouncedMeta
    data: dict[str, str] | None = None
    rec_sig: str | None = None


class Binary:
    """Bytes as they are."""


@dataclass(frozen=True)
class Operation:
    """One endpoint.

    Args:
        status: Of success.
        answer: What success answers: a type, `Binary`, or None for no body.
        errors: Statuses of its own failures; those of all endpoints are added.
        security: Schemes, any of which will do; none: anybody may call.
        body: What it takes.
        query: Members of the query with what they are.
        headers: The same of headers, besides those of the body.
        answer_headers: The same of the answer.
    """

    status: int
    answer: Any
    errors: tuple[int, ...] = ()
    security: tuple[str, ...] = SIGNED_IN
    body: Any = None
    query: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)
    answer_headers: dict[str, str] = field(default_factory=dict)


_TEXT: Final = {"type": "string"}
_FIELDS: Final = {"field": {"description": "Only these members of the data.", "schema": {"type": "array", "items": _TEXT}}}
_NOTE: Final = {
    "note_id": {"description": "The note's id; this or `id_string`.", "schema": _TEXT},
    "id_string": {"description": "The note's name.", "schema": _TEXT},
}
_UPLOAD: Final = {
    "Content-MD5": {"description": "The announced checksum, if it is to be checked before the body comes.", "schema": _TEXT},
}

OPERATIONS: Final = {
    "openapi.document": Operation(200, dict[str, Any], security=()),
    "accounts.service_check": Operation(200, Health, security=()),
    "accounts.auth_check": Operation(200, Health, security=()),
    "accounts.client_check": Operation(200, Health, security=()),
    "accounts.register": Operation(
        201,
        accounts.RegisteredClient,
        (400, 401, 413),
        (),
        accounts.Registration,
        answer_headers={"X-Backup-Client": "The client that key backups are shared with."},
    ),
    "accounts.token": Operation(200, accounts.Token, (401, 413, 429), ("basic",)),
    "accounts.client_info": Operation(200, accounts.ClientInfo, (404,)),
    "accounts.public_info": Operation(200, accounts.PublicInfo, (404,)),
    "accounts.public_infos": Operation(200, accounts.PublicInfos, (400, 413), body=accounts.PublicInfoRequest),
    "accounts.backed_up": Operation(200, Nothing, (401, 404, 413), ()),
    "access_keys.get": Operation(200, records.AccessKey, (400, 403, 404)),
    "access_keys.put": Operation(201, records.AccessKeyUpload, (400, 403, 404, 409, 413), body=records.AccessKeyUpload),
    "access_keys.delete": Operation(204, None, (400, 403)),
    "records.write": Operation(201, records.EncryptedRecord, (400, 403, 413), body=records.RecordUpload),
    "records.update": Operation(200, records.EncryptedRecord, (400, 403, 404, 409, 413), body=records.RecordUpload),
    "records.update_any": Operation(200, records.EncryptedRecord, (400, 403, 404, 413), body=records.RecordUpload),
    "records.delete": Operation(204, None, (400, 403, 409)),
    "records.delete_any": Operation(204, None, (400, 403)),
    "records.read": Operation(200, records.EncryptedRecord, (400, 404), query=_FIELDS),
    "records.batch_get": Operation(200, records.BatchGetResult, (400, 413), body=records.BatchGet),
    "records.bulk_delete": Operation(200, records.BulkDeleteResult, (400, 413), body=records.BulkDelete),
    "policies.outgoing": Operation(200, list[sharing.OutgoingShare]),
    "policies.incoming_shares": Operation(200, list[sharing.IncomingShare]),
    "policies.proxies": Operation(200, list[sharing.Authorization]),
    "policies.granted": Operation(200, list[sharing.Authorization]),
    "policies.outgoing_page": Operation(200, SharesPage, (400, 413), body=OutgoingRequest),
    "policies.change": Operation(201, Nothing, (400, 403, 404, 413), body=sharing.PolicyChange),
    "policies.remove_authorizer": Operation(200, Nothing, (400, 403)),
    "files.announce": Operation(202, files.PendingFile, (400, 403, 413), body=AnnouncedFile),
    "files.commit": Operation(201, records.EncryptedRecord, (404, 409)),
    "files.read": Operation(200, records.EncryptedRecord, (404,)),
    "files.upload": Operation(200, Nothing, (400, 404, 507), (), Binary, headers=_UPLOAD),
    "files.download": Operation(200, Binary, (404,), ()),
    "queries.query": Operation(200, queries.QueryResponse, (400, 413), body=queries.QueryRequest),
    "queries.search": Operation(200, search.SearchResponse, (400, 413), body=search.SearchRequest),
    "notes.write": Operation(201, notes.Note, (400, 403, 409, 413, 429), SIGNED, notes.NoteUpload),
    "notes.replace": Operation(200, notes.Note, (400, 403, 413), SIGNED, notes.NoteUpload),
    "notes.read": Operation(200, notes.Note, (400, 403, 404), SIGNED, query=_NOTE),
    "notes.views_left": Operation(200, int, (400, 403, 404), SIGNED, query=_NOTE),
    "notes.delete": Operation(200, Nothing, (400, 403, 404), SIGNED),
}
"""By module and name of the handler."""
