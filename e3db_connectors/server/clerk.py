"""Around every request: the ``Date`` of the store's clock, a line of the access log, and answers to exceptions."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from e3db_connectors.server.refusals import answer_to
from e3db_connectors.server.routes import files

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.types import Message, Receive, Scope, Send

    from e3db_connectors.server.store.database import Database

_log = logging.getLogger(__name__)

_DATE_SECONDS: Final = 30


class Clerk:
    """Puts the ``Date`` on every answer and writes a line about it, without query, headers or body.

    It calls the router itself: Starlette's own layers for exceptions, of which it has three, take as long as the work of a small request.

    Args:
        app: Its routes are served; requests find it as ``request.app``.
        database: Its clock tells the time.
    """

    def __init__(self, app: Starlette, database: Database) -> None:
        """Begin; no answer has been given."""
        self._app = app
        self._database = database
        self._date, self._dated_at = "", 0.0

    def last_date(self) -> dict[str, str]:
        """The ``Date`` of the last answer; nothing when it is older than clocks of machines may differ."""
        return {"Date": self._date} if time.perf_counter() - self._dated_at < _DATE_SECONDS and self._date else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answering = False

        async def send_dated(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                self._date = _http_date(await self._database.told_time() // 1_000_000)
                self._dated_at = time.perf_counter()
                message["headers"] = [*message.get("headers", ()), (b"date", self._date.encode())]
                took = (self._dated_at - began) * 1000
                _log.info("%s %s %d %.1f ms", scope["method"], _loggable(scope), message["status"], took)
            await send(message)

        scope["app"] = self._app
        try:
            await self._app.router(scope, receive, send_dated)
        except Exception as exc:
            if answering:
                raise
            answer = answer_to(exc)
            await answer(scope, receive, send_dated)
            if answer.status_code == 500:  # noqa: PLR2004 - a defect, which the log has to show
                raise


@lru_cache(2)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _loggable(scope: Scope) -> str:
    """The path as it came, percent-encoded, but for what would let a reader of the log in.

    That is the registration token of a key backup, and the token of a file's URL; and of a path that leads nowhere nothing shows:
    it may be a mistyped one of those.
    """
    if "endpoint" not in scope:
        return "(unknown path)"
    if "registration_token" in scope["path_params"]:
        return "/v1/account/backup/***/***"
    if "file_token" in scope["path_params"]:
        return files.FILE_URL.format(file_token="***")  # noqa: S106 - stars
    return str(scope.get("raw_path", b"").decode("ascii", "replace"))
