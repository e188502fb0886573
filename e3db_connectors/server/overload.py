"""What the server turns away before it works on it: more requests than it can hold, and heads that are too long."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from e3db_connectors.server.http import reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger(__name__)

HEAD_MAX: Final = 64 * 1024
"""Bytes of a request's line and headers."""

TOO_LONG: Final = {"error": f"the line and headers of a request may have {HEAD_MAX} bytes"}
_TOO_MANY: Final = {"error": "the server has too much to do"}


class Gate:
    """Lets in a number of requests at a time, and only with heads that are short enough.

    It is the outermost, so that turning a request away takes no thread and no database; hence its ``Date`` is the last one that others got.

    Args:
        app: Serves those that are let in.
        at_most: How many.
        dated: The last ``Date`` as a header; empty if there is none, or none that is still nearly true.
    """

    def __init__(self, app: ASGIApp, at_most: int, dated: Callable[[], dict[str, str]]) -> None:
        """Begin with none."""
        self._app, self._at_most, self._dated = app, at_most, dated
        self._inside = 0
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or turn it away."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _head_size(scope) > HEAD_MAX:
            await reply(TOO_LONG, 431, self._dated())(scope, receive, send)
        elif self._inside >= self._at_most:
            self._warn()
            await reply(_TOO_MANY, 503, {"Retry-After": "1", **self._dated()})(scope, receive, send)
        else:
            self._inside += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._inside -= 1
                self._warned = self._warned and self._inside > 0

    def _warn(self) -> None:
        if not self._warned:  # once for each rush, which a line for each request would only make worse
            _log.warning("more than %d requests at a time: others are answered 503", self._at_most)
            self._warned = True


def _head_size(scope: Scope) -> int:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(name) + len(value) + 4 for name, value in headers)
