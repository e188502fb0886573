"""The ASGI application: which path leads to which handler, and what is around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from e3db_connectors.server import openapi
from e3db_connectors.server.clerk import Clerk
from e3db_connectors.server.http import endpoint
from e3db_connectors.server.overload import Gate
from e3db_connectors.server.routes import access_keys, accounts, files, notes, policies, queries, records
from e3db_connectors.server.store.accounts import TokenCache, digest
from e3db_connectors.server.writing import WritingThread
from e3db_connectors.wire import paths

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from e3db_connectors.server.blobs import Bodies
    from e3db_connectors.server.settings import ServerSettings
    from e3db_connectors.server.store.database import Database


# The type comes last and may hold a slash once it is decoded, hence `path`.
_ACCESS_KEY = "/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{type:path}"
_POLICY = paths.POLICY + "/{user_id}/{writer_id}/{reader_id}"
_VERSION = paths.RECORDS + "/safe/{record_id}/{version}"
# So may a token, which comes first here.
_BACKUP = "/v1/account/backup/{registration_token:path}/{client_id}"

ROUTES = [
    # What is called most comes first: routes are tried in their order.
    Route(paths.RECORDS, endpoint(records.write, writes=True), methods=["POST"]),
    Route(paths.SEARCH, endpoint(queries.search), methods=["POST"]),
    Route(_VERSION, endpoint(records.update, writes=True), methods=["PUT"]),
    Route(paths.QUERY, endpoint(queries.query), methods=["POST"]),
    Route(paths.SERVICE_CHECK, endpoint(accounts.service_check), methods=["GET"]),
    Route(paths.AUTH_CHECK, endpoint(accounts.auth_check), methods=["GET"]),
    Route(paths.CLIENT_CHECK, endpoint(accounts.client_check), methods=["GET"]),
    Route(paths.REGISTER, endpoint(accounts.register), methods=["POST"]),
    Route(paths.TOKEN, endpoint(accounts.token), methods=["POST"]),
    Route("/v1/storage/clients/{client_id:path}", endpoint(accounts.client_info), methods=["GET"]),
    Route("/v1/client/{client_id}/public", endpoint(accounts.public_info), methods=["GET"]),
    Route(paths.PUBLIC_INFO, endpoint(accounts.public_infos), methods=["POST"]),
    Route(_BACKUP, endpoint(accounts.backed_up), methods=["POST"]),
    Route(_ACCESS_KEY, endpoint(access_keys.get), methods=["GET"]),
    Route(_ACCESS_KEY, endpoint(access_keys.put), methods=["PUT"]),
    Route(_ACCESS_KEY, endpoint(access_keys.delete), methods=["DELETE"]),
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
    Route(paths.NOTES, endpoint(notes.write), methods=["POST"]),
    Route(paths.NOTES, endpoint(notes.replace), methods=["PUT"]),
    Route(paths.NOTES, endpoint(notes.read), methods=["GET"]),
    Route(paths.NOTE_VIEWS, endpoint(notes.views_left), methods=["GET"]),
    Route(paths.NOTES + "/{note_id}", endpoint(notes.delete), methods=["DELETE"]),
    Route(openapi.PATH, openapi.document, methods=["GET"]),
]


def build(database: Database, bodies: Bodies, settings: ServerSettings) -> ASGIApp:
    """Make the application that serves *database*, and the *bodies* of its files."""
    app = Starlette(routes=ROUTES)
    app.router.redirect_slashes = False  # a redirect would make clients drop the body
    app.state.database = database
    app.state.writing = WritingThread(database.turns)
    app.state.tokens = TokenCache()
    app.state.bodies = bodies
    app.state.settings = settings
    app.state.public_url = settings.public_url
    app.state.registration_token_hash = digest(settings.registration_token)
    clerk = Clerk(app, database)
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
