"""HTTP by httptools, whose parser would store headers without end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from e3db_connectors.server.http import reply
from e3db_connectors.server.overload import HEAD_MAX, TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class BoundedProtocol(HttpToolsProtocol):
    """A connection that is closed when a head, or the trailer of a chunked body, does not come to its end.

    The last read counts as a whole or not at all, so this is no exact limit: it bounds memory, and `Gate` is exact.
    """

    _in_head = False
    _begun = False
    _head = 0

    def data_received(self, data: bytes) -> None:
        """Parse *data*; count it if all of it belongs to one head."""
        self._begun = False
        super().data_received(data)
        if not self._in_head or self._begun:
            self._head = 0
            return
        self._head += len(data)
        if self._head > HEAD_MAX and not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle
            if cycle is None or cycle.response_complete:  # else the answer would land in the middle of another
                self._answer("431 Request Header Fields Too Large", TOO_LONG)
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._answer("400 Bad Request", {"error": msg})
        self.transport.close()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It has ended."""
        self._in_head = False
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        """A chunk begins; it may be the last, after which the trailer comes."""
        self._in_head = self._begun = True

    def on_body(self, body: bytes) -> None:
        """It was not the last."""
        self._in_head = False
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The body, and the trailer, have ended."""
        self._in_head = False
        super().on_message_complete()

    def _answer(self, status: str, body: Mapping[str, str]) -> None:
        content = bytes(reply(body).body)
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + content)
