"""What is answered when a request ends in an exception: a status and a text as JSON, never a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from e3db_connectors.server.http import reply
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store.database import is_busy

if TYPE_CHECKING:
    from starlette.responses import Response


def answer_to(exc: Exception) -> Response:
    """The answer; its status is 500 for what nobody has foreseen."""
    if isinstance(exc, Problem):
        return reply({"error": exc.text}, exc.status, {"Retry-After": str(exc.retry_after)} if exc.retry_after else None)
    if isinstance(exc, HTTPException):
        return reply({"error": exc.detail}, exc.status_code)
    if isinstance(exc, ClientDisconnect):  # nobody reads the answer, but the log shows it
        return reply({"error": "the connection broke"}, 400)
    if isinstance(exc, DataError):
        return reply({"error": "a text holds a character that cannot be stored, such as NUL"}, 400)
    if isinstance(exc, SQLAlchemyError) and is_busy(exc):
        return reply({"error": "the server is busy"}, 503, {"Retry-After": "1"})
    return reply({"error": "the server failed; its log says why"}, 500)
