"""Reading replies in bounded memory: a server, or who has taken its place, may send whatever it likes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import msgspec
import requests
from urllib3.exceptions import HTTPError, ProtocolError

from e3db_connectors.client.connections import PIECE_SIZE
from e3db_connectors.errors import ReplyTooLarge, ResponseInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import BaseHTTPResponse

    from e3db_connectors.client.sessions import Response

REPLY_MAX: Final = 64 * 1024 * 1024
"""Bytes of a reply, unpacked. A page of a thousand records of 48 KiB fits; what is larger travels as a file, in a stream."""
REFUSAL_MAX: Final = 64 * 1024
"""Bytes of a refusal's body that are read to find its reason."""
REASON_MAX: Final = 200
_GZIP: Final = 31
"""`wbits` of the gzip format alone."""

HEADERS: Final = {"Accept-Encoding": "gzip"}
"""What `read_body` can unpack."""


def raw_pieces(response: Response) -> Iterator[bytes]:
    """The body as it came, piece by piece.

    Raises:
        urllib3.exceptions.HTTPError: It broke off, took too long or is no HTTP.
    """
    # Not `stream`: that one looks for the end of a chunk's first line without a limit.
    raw = response.raw
    while piece := _read(raw):
        yield piece
        if raw.length_remaining == 0:
            return


def _read(raw: BaseHTTPResponse) -> bytes:
    try:
        return raw.read(PIECE_SIZE, decode_content=False)
    except ValueError as exc:  # urllib3 takes a negative size of a chunk for one
        raise ProtocolError("a chunk of no size") from exc


def read_body(response: Response, what: str, limit: int = REPLY_MAX) -> bytes:
    """Read and unpack a body.

    Args:
        response: A reply of which only the head has been read.
        what: What to call it in errors.
        limit: Largest size, packed or not.

    Raises:
        ReplyTooLarge: It is larger.
        ResponseInvalid: It is packed in a way that was not asked for, or badly.
        urllib3.exceptions.HTTPError: It broke off, took too long or is no HTTP.
    """
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in {"", "identity", "gzip"}:
        raise ResponseInvalid(f"{what}: the reply is packed in a way that was not asked for")
    pieces = raw_pieces(response)
    body = bytearray()
    try:
        for piece in _unpacked(pieces, what) if coding == "gzip" else pieces:
            body += piece
            if len(body) > limit:
                raise ReplyTooLarge(f"{what}: the reply is larger than {limit} bytes; ask for fewer records at a time")
    except zlib.error:
        raise ResponseInvalid(f"{what}: the reply cannot be unpacked") from None
    return bytes(body)


def _unpacked(pieces: Iterator[bytes], what: str) -> Iterator[bytes]:
    unpacking, began = zlib.decompressobj(_GZIP), False
    for received in pieces:
        if unpacking.eof:
            raise ResponseInvalid(f"{what}: the reply goes on after its end")
        piece, began = received, True
        while piece:
            yield unpacking.decompress(piece, PIECE_SIZE)
            piece = unpacking.unconsumed_tail
    yield unpacking.flush()
    if unpacking.unused_data or (began and not unpacking.eof):
        raise ResponseInvalid(f"{what}: the reply cannot be unpacked")


class _Refusal(msgspec.Struct):
    error: str = ""


def reason(response: Response) -> str:
    """The server's own words in a refusal, without control characters; empty if there are none to read."""
    try:
        words = msgspec.json.decode(read_body(response, "", REFUSAL_MAX), type=_Refusal).error
    except (ResponseInvalid, HTTPError, requests.RequestException, TimeoutError):
        return ""
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ""
    return "".join(char if char.isprintable() else " " for char in words[:REASON_MAX])
