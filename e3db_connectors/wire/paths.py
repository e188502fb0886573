"""Paths of the API (protocol section 23). Segments are percent-encoded here and nowhere else: what is no Unicode is a `UsageError`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN: Final = "/v1/auth/token"  # noqa: S105 - a path
REGISTER: Final = "/v1/account/e3db/clients/register"
RECORDS: Final = "/v1/storage/records"
QUERY: Final = "/v1/storage/search"
SEARCH: Final = "/v2/search"
FILES: Final = "/v1/storage/files"
NOTES: Final = "/v2/storage/notes"
NOTE_VIEWS: Final = f"{NOTES}/views"
PUBLIC_INFO: Final = "/v1/client/public"
BULK_DELETE: Final = "/v2/storage/records/bulk/delete"
POLICY: Final = "/v1/storage/policy"
OUTGOING: Final = f"{POLICY}/outgoing"
INCOMING: Final = f"{POLICY}/incoming"
PROXIES: Final = f"{POLICY}/proxies"
GRANTED: Final = f"{POLICY}/granted"
SERVICE_CHECK: Final = "/v1/storage/servicecheck"
AUTH_CHECK: Final = "/v1/auth/healthcheck"
CLIENT_CHECK: Final = "/v1/client/healthcheck"


def client(client_id: str) -> str:
    """What is public of a client."""
    return f"/v1/storage/clients/{_segment(client_id)}"


def backup(registration_token: str, client_id: str) -> str:
    """Where a client says that it has backed its keys up. The token is part of it, so this path is never to be shown."""
    return f"/v1/account/backup/{_segment(registration_token)}/{_segment(client_id)}"


def access_key(writer_id: str, user_id: str, reader_id: str, record_type: str) -> str:
    """An access key; the type may hold any character, so it is encoded whole.

    Raises:
        UsageError: The type is a segment that URLs drop, or no Unicode.
    """
    return _by_type("/v1/storage/access_keys", (writer_id, user_id, reader_id), record_type)


def policy(user_id: str, writer_id: str, reader_id: str, record_type: str) -> str:
    """What a reader may do with the records of a writer and type.

    Raises:
        UsageError: The type is a segment that URLs drop, or no Unicode.
    """
    return _by_type(POLICY, (user_id, writer_id, reader_id), record_type)


def _by_type(base: str, ids: tuple[str, ...], record_type: str) -> str:
    if record_type in {".", ".."}:
        raise UsageError("a record type cannot be . or ..: such a segment means another path")
    segments = [base, *map(_segment, ids)]
    try:
        return "/".join([*segments, quote(record_type, safe="")])
    except UnicodeEncodeError:
        raise UsageError(f"record type {record_type!a} holds half a character (a lone surrogate)") from None


def record(record_id: str, fields: Iterable[str] | None = None) -> str:
    """One record; with only these fields of its data, if they are given."""
    path = f"{RECORDS}/{_segment(record_id)}"
    return path if fields is None else f"{path}?{_query(('field', name) for name in fields)}"


def record_version(record_id: str, version: str) -> str:
    """One record at a version: the safe update and delete."""
    return f"{RECORDS}/safe/{_segment(record_id)}/{_segment(version)}"


def file(record_id: str) -> str:
    """A large file: committed under its pending id, and later found under its record's."""
    return f"{FILES}/{_segment(record_id)}"


def note(note_id: str) -> str:
    """A note, to delete it."""
    return f"{NOTES}/{_segment(note_id)}"


def note_by(name: str, value: str, base: str = NOTES) -> str:
    """A note by its ``note_id`` or its ``id_string``."""
    return f"{base}?{_query([(name, value)])}"


def _segment(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise UsageError("an id or a token holds half a character (a lone surrogate)") from None


def _query(members: Iterable[tuple[str, str]]) -> str:
    try:
        return urlencode(list(members))
    except UnicodeEncodeError:
        raise UsageError("a name holds half a character (a lone surrogate)") from None
