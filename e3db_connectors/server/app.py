"""The ASGI application: routes, errors as JSON, the ``Date`` of the store's clock, and the access log."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from e3db_connectors.server import openapi
from e3db_connectors.server.http import endpoint, reply
from e3db_connectors.server.overload import Gate
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.routes import access_keys, accounts, files, notes, policies, queries, records
from e3db_connectors.server.store.accounts import TokenCache, digest
from e3db_connectors.server.store.database import is_busy
from e3db_connectors.server.store.turns import GroupLost
from e3db_connectors.server.writing import WritingThread
from e3db_connectors.wire import paths

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from e3db_connectors.server.blobs import Bodies
    from e3db_connectors.server.settings import ServerSettings
    from e3db_connectors.server.store.database import Database

_log = logging.getLogger(__name__)

_DATE_SECONDS: Final = 30

# The type comes last and may hold a slash once it is decoded, hence `path`.
_ACCESS_KEY = "/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{type:path}"
_POLICY = paths.POLICY + "/{user_id}/{writer_id}/{reader_id}"
_VERSION = paths.RECORDS + "/safe/{record_id}/{version}"
# So may a token, which comes first here.
_BACKUP = "/v1/account/backup/{registration_token:path}/{client_id}"

ROUTES = [
    Route(paths.SERVICE_CHECK, endpoint(accounts.service_check), methods=["GET"]),
    Route(paths.REGISTER, endpoint(accounts.register), methods=["POST"]),
    Route(paths.TOKEN, endpoint(accounts.token), methods=["POST"]),
    Route("/v1/storage/clients/{client_id:path}", endpoint(accounts.client_info), methods=["GET"]),
    Route("/v1/client/{client_id}/public", endpoint(accounts.public_info), methods=["GET"]),
    Route(paths.PUBLIC_INFO, endpoint(accounts.public_infos), methods=["POST"]),
    Route(_BACKUP, endpoint(accounts.backed_up), methods=["POST"]),
    Route(_ACCESS_KEY, endpoint(access_keys.get), methods=["GET"]),
    Route(_ACCESS_KEY, endpoint(access_keys.put), methods=["PUT"]),
    Route(_ACCESS_KEY, endpoint(access_keys.delete), methods=["DELETE"]),
    Route(paths.RECORDS, endpoint(records.write, writes=True), methods=["POST"]),
    Route(_VERSION, endpoint(records.update, writes=True), methods=["PUT"]),
    Route(_VERSION, endpoint(records.delete), methods=["DELETE"]),
    Route(paths.RECORDS + "/{record_id}", endpoint(records.read), methods=["GET"]),
    Route(paths.RECORDS + "/{record_id}", endpoint(records.update_any, writes=True), methods=["PUT"]),
    Route(paths.RECORDS + "/{record_id}", endpoint(records.delete_any), methods=["DELETE"]),
    Route(paths.RECORDS, endpoint(records.batch_get), methods=["GET"]),
    Route("/v2/storage/records", endpoint(records.write, writes=True), methods=["POST"]),
    Route(paths.BULK_DELETE, endpoint(records.bulk_delete), methods=["DELETE"]),
    Route(paths.OUTGOING, endpoint(policies.outgoing), methods=["GET"]),
    Route(paths.INCOMING, endpoint(policies.incoming_shares), methods=["GET"]),
    Route(paths.PROXIES, endpoint(policies.proxies), methods=["GET"]),
    Route(paths.GRANTED, endpoint(policies.granted), methods=["GET"]),
    Route("/v2/storage/share/outgoing", endpoint(policies.outgoing_page), methods=["POST"]),
    Route(_POLICY + "/{type:path}", endpoint(policies.change), methods=["PUT"]),
    Route(_POLICY, endpoint(policies.remove_authorizer), methods=["DELETE"]),
    Route(paths.FILES, endpoint(files.announce), methods=["POST"]),
    Route("/v2/storage/files", endpoint(files.announce), methods=["POST"]),
    Route(paths.FILES + "/{file_id}", endpoint(files.commit), methods=["PATCH"]),
    Route(paths.FILES + "/{file_id}", endpoint(files.read), methods=["GET"]),
    Route(files.FILE_URL, files.upload, methods=["PUT"]),
    Route(files.FILE_URL, files.download, methods=["GET"]),
    Route(paths.QUERY, endpoint(queries.query), methods=["POST"]),
    Route(paths.SEARCH, endpoint(queries.search), methods=["POST"]),
    Route(paths.NOTES, endpoint(notes.write), methods=["POST"]),
    Route(paths.NOTES, endpoint(notes.replace), methods=["PUT"]),
    Route(paths.NOTES, endpoint(notes.read), methods=["GET"]),
    Route(paths.NOTE_VIEWS, endpoint(notes.views_left), methods=["GET"]),
    Route(paths.NOTES + "/{note_id}", endpoint(notes.delete), methods=["DELETE"]),
    Route(openapi.PATH, openapi.document, methods=["GET"]),
]


def build(database: Database, bodies: Bodies, settings: ServerSettings) -> ASGIApp:
    """Make the application that serves *database*, and the *bodies* of its files."""
    app = Starlette(
        routes=ROUTES,
        exception_handlers={
            Problem: _on_problem,
            HTTPException: _on_http,
            DBAPIError: _on_database,
            PoolTimeout: _on_database,
            GroupLost: _on_database,
            Exception: _on_defect,
        },
    )
    app.router.redirect_slashes = False  # a redirect would make clients drop the body
    app.state.database = database
    app.state.writing = WritingThread(database.turns)
    app.state.tokens = TokenCache()
    app.state.bodies = bodies
    app.state.settings = settings
    app.state.public_url = settings.public_url
    app.state.registration_token_hash = digest(settings.registration_token)
    clerk = _Clerk(app, database)
    return _with_cors(Gate(clerk, settings.max_requests, clerk.last_date), settings.cors_origins)


def _with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Let web pages of these origins call *app*; it is outermost, so that they can read refusals, too."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
        allow_headers=("*",),
        allow_credentials="*" not in origins,
        expose_headers=("X-Backup-Client", "Date", "Retry-After"),
    )


async def _on_problem(_request: Request, exc: Any) -> Response:
    return reply({"error": exc.text}, exc.status, {"Retry-After": str(exc.retry_after)} if exc.retry_after else None)


async def _on_http(_request: Request, exc: Any) -> Response:
    return reply({"error": exc.detail}, exc.status_code)


async def _on_database(_request: Request, exc: Exception) -> Response:
    if isinstance(exc, DataError):
        return reply({"error": "a text holds a character that cannot be stored, such as NUL"}, 400)
    if not is_busy(exc):
        raise exc  # a defect: trying again would not help
    return reply({"error": "the server is busy"}, 503, {"Retry-After": "1"})


async def _on_defect(_request: Request, _exc: Exception) -> Response:
    return reply({"error": "the server failed; its log says why"}, 500)


class _Clerk:
    """Puts the ``Date`` on every answer and writes a line about it, without query, headers or body."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self._app = app
        self._database = database
        self._date, self._dated_at = "", 0.0

    def last_date(self) -> dict[str, str]:
        """The ``Date`` of the last answer; nothing when it is older than clocks of machines may differ."""
        return {"Date": self._date} if time.perf_counter() - self._dated_at < _DATE_SECONDS and self._date else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._date = _http_date(await self._database.told_time() // 1_000_000)
                self._dated_at = time.perf_counter()
                message["headers"] = [*message.get("headers", ()), (b"date", self._date.encode())]
                took = (self._dated_at - began) * 1000
                _log.info("%s %s %d %.1f ms", scope["method"], _loggable(scope), message["status"], took)
            await send(message)

        await self._app(scope, receive, send_dated)


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
