"""Who signed a request with TSV1 (protocol section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from e3db_connectors.crypto import encoding, signatures
from e3db_connectors.errors import EncodingError
from e3db_connectors.server.store import accounts, nonces
from e3db_connectors.wire import tsv1

if TYPE_CHECKING:
    from starlette.requests import Request

    from e3db_connectors.server.store.database import Database
    from e3db_connectors.wire.tsv1 import Tsv1Header

WINDOW_SECONDS: Final = 300
_SECOND: Final = 1_000_000
_KEEP: Final = 2 * WINDOW_SECONDS * _SECOND
"""A time may lie one window ahead and is then good until one window after it."""


@dataclass(frozen=True)
class Signer:
    """Who signed a request.

    Args:
        public_key: The signing key, in its canonical form.
        client_id: The client that the key is registered for; None for an anonymous caller, of whom only the key is known.
    """

    public_key: str
    client_id: str | None = None


def is_signed(authorization: str) -> bool:
    """Whether a header means TSV1, well-formed or not."""
    return authorization.startswith(tsv1.METHOD)


def signer(request: Request, database: Database, authorization: str, *, anonymous: bool) -> Signer | None:
    """Who signed *request*; None if it is signed badly, by nobody known, or has been sent before.

    Args:
        request: The request.
        database: Knows the clients' keys.
        authorization: Its header.
        anonymous: Whether a caller that names no client will do.
    """
    try:
        header = tsv1.parse_header(authorization)
        if header is None or not _is_signed(request, header):
            return None
        UUID(header.nonce)
        found = _signer(database, header)
    except (EncodingError, ValueError):
        return None
    if found is None or not (found.client_id or anonymous):
        return None
    now = database.clock.now()
    if abs(now - header.timestamp * _SECOND) > WINDOW_SECONDS * _SECOND:
        return None
    # Only now, for else anybody could use up the nonces of others, or fill the table.
    with database.write() as connection:
        fresh = nonces.remember(connection, found.public_key, header.nonce, now, now - _KEEP)
    return found if fresh else None


def _signer(database: Database, header: Tsv1Header) -> Signer | None:
    key = encoding.decode(header.public_key)
    if not header.client_id:
        return Signer(encoding.encode(key))
    client_id = str(UUID(header.client_id))
    with database.read() as connection:
        info = accounts.client_info(connection, client_id)
    registered = ((info and info.signing_key) or {}).get("ed25519", "")
    return Signer(encoding.encode(key), client_id) if encoding.decode(registered) == key else None


def _is_signed(request: Request, header: Tsv1Header) -> bool:
    path = request.scope["raw_path"].decode("latin-1")
    queries = tsv1.accepted_queries(request.scope["query_string"].decode("latin-1"))
    texts = (header.to_sign(request.method, path, query) for query in queries)
    return any(signatures.verify(signatures.digest(text), header.signature, header.public_key) for text in texts)
