"""The server as a process: bind, say so, serve, stop cleanly."""

from __future__ import annotations

import logging
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from e3db_connectors.errors import StorageError
from e3db_connectors.server import app
from e3db_connectors.server.store.database import Database

if TYPE_CHECKING:
    from e3db_connectors.server.settings import ServerSettings

DRAIN_SECONDS: Final = 10
_BACKLOG: Final = 2048


def serve(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises:
        StorageError: If the database cannot be opened or the address not be bound.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    database = Database(settings.database)
    listener = _bind(settings.host, settings.port)
    config = uvicorn.Config(
        app.build(database, settings.registration_token),
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        date_header=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
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


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        print(f"listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201 - the sign that it is ready


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
