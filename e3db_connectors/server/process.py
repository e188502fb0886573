"""The server as a process: bind, say so, serve, stop cleanly."""

from __future__ import annotations

import logging
import signal
import socket
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from e3db_connectors.errors import StorageError
from e3db_connectors.server import app
from e3db_connectors.server.blobs import Bodies
from e3db_connectors.server.overload import HEAD_MAX
from e3db_connectors.server.store import files
from e3db_connectors.server.store.database import Database

if TYPE_CHECKING:
    from e3db_connectors.server.settings import ServerSettings

DRAIN_SECONDS: Final = 10
_BACKLOG: Final = 2048


def serve(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises:
        StorageError: If the database or the files folder cannot be used, or the address not be bound.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    database = Database(settings.database)
    bodies = _bodies(settings, database)
    listener = _bind(settings.host, settings.port)
    config = uvicorn.Config(
        app.build(database, bodies, settings),
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        http=_protocol(),
        h11_max_incomplete_event_size=HEAD_MAX,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    server = _Server(config)

    def stop(*_: Any) -> None:
        server.should_exit = True

    # Before uvicorn sets handlers of its own, and after it has put these back: it raises the signal once more when it has stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
        database.close()


def _protocol() -> Any:
    if find_spec("httptools") is None:  # there is none for Windows
        return "h11"
    from e3db_connectors.server.bounded import BoundedProtocol

    return BoundedProtocol


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201 - the sign that it is ready


def _bodies(settings: ServerSettings, database: Database) -> Bodies:
    """The bodies of the database's files, without what nobody will ask for."""
    # A folder for each database, by an id that it keeps: with another database nothing would be in use, and all swept.
    bodies = Bodies(settings.files_dir / f"bodies-{database.backup_client_id}")
    with database.write() as connection:
        files.forget(connection, database.clock.now())
    with database.read() as connection:
        bodies.sweep(partial(files.in_use, connection))
    return bodies


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as exc:
        raise StorageError(f"cannot listen on {host}:{port}: {exc.strerror}; choose another --port") from None
    return listener
