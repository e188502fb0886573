"""Paths of the API (protocol section 23). Segments are percent-encoded here and nowhere else."""

from typing import Final
from urllib.parse import quote

from e3db_connectors.errors import UsageError

TOKEN: Final = "/v1/auth/token"  # noqa: S105 - a path
REGISTER: Final = "/v1/account/e3db/clients/register"
RECORDS: Final = "/v1/storage/records"
QUERY: Final = "/v1/storage/search"
SEARCH: Final = "/v2/search"
SERVICE_CHECK: Final = "/v1/storage/servicecheck"


def client(client_id: str) -> str:
    """What is public of a client."""
    return f"/v1/storage/clients/{quote(client_id, safe='')}"


def access_key(writer_id: str, user_id: str, reader_id: str, record_type: str) -> str:
    """An access key; the type may hold any character, so it is encoded whole.

    Raises:
        UsageError: The type is a segment that URLs drop.
    """
    if record_type in {".", ".."}:
        raise UsageError("a record type cannot be . or ..: such a segment means another path")
    ids = "/".join(quote(part, safe="") for part in (writer_id, user_id, reader_id))
    return f"/v1/storage/access_keys/{ids}/{quote(record_type, safe='')}"


def record(record_id: str) -> str:
    """One record."""
    return f"{RECORDS}/{quote(record_id, safe='')}"


def record_version(record_id: str, version: str) -> str:
    """One record at a version: the safe update and delete."""
    return f"{RECORDS}/safe/{quote(record_id, safe='')}/{quote(version, safe='')}"
