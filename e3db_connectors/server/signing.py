"""Who signed a request with TSV1 (protocol section 4)."""

from __future__ import annotations

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


def is_signed(authorization: str) -> bool:
    """Whether a header means TSV1, well-formed or not."""
    return authorization.startswith(tsv1.METHOD)


def signer(request: Request, database: Database, authorization: str) -> str | None:
    """The id of the client that signed *request*; None if nobody known did, or has done so before."""
    try:
        header = tsv1.parse_header(authorization)
        if header is None or not _is_signed(request, header):
            return None
        client_id, key = str(UUID(header.client_id)), encoding.decode(header.public_key)
        UUID(header.nonce)
        with database.read() as connection:
            info = accounts.client_info(connection, client_id)
        registered = ((info and info.signing_key) or {}).get("ed25519", "")
        if encoding.decode(registered) != key:
            return None
    except (EncodingError, ValueError):
        return None
    now = database.clock.now()
    if abs(now - header.timestamp * _SECOND) > WINDOW_SECONDS * _SECOND:
        return None
    # Only now, for else anybody could use up the nonces of others, or fill the table.
    with database.write() as connection:
        fresh = nonces.remember(connection, encoding.encode(key), header.nonce, now, now - _KEEP)
    return client_id if fresh else None


def _is_signed(request: Request, header: Tsv1Header) -> bool:
    path = request.scope["raw_path"].decode("latin-1")
    queries = tsv1.accepted_queries(request.scope["query_string"].decode("latin-1"))
    texts = (header.to_sign(request.method, path, query) for query in queries)
    return any(signatures.verify(signatures.digest(text), header.signature, header.public_key) for text in texts)
