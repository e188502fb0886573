"""The server as a process: bind, say so, serve, stop cleanly."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
import sys
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from e3db_connectors.errors import ConfigError, StorageError
from e3db_connectors.server import app, backup_keys, log
from e3db_connectors.server.blobs import Bodies
from e3db_connectors.server.overload import HEAD_MAX
from e3db_connectors.server.store import files
from e3db_connectors.server.store.database import Database

if TYPE_CHECKING:
    from e3db_connectors.server.settings import ServerSettings

    _Place = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

_log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 10
_FAREWELL_SECONDS: Final = 0.2
"""How long who is idle has to answer that TLS closes."""

_BACKLOG: Final = 2048
_SWITCH_SECONDS: Final = 0.0001
"""How long a thread may keep the interpreter while others wait: the event loop and the threads of requests take turns all the time."""

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, which is the oldest that Python's contexts take; 1.3 has its own."""


def serve(settings: ServerSettings) -> None:
    """Serve until SIGTERM or SIGINT, then finish what has begun.

    Raises:
        StorageError: If the database or the files folder cannot be used, or the address not be bound.
        ConfigError: If others could read along, or the TLS files or the keys for backups are not good.
    """
    log.to_stderr()
    sys.setswitchinterval(_SWITCH_SECONDS)
    _check_tls(settings)
    place = _resolve(settings)
    backup_public_keys = backup_keys.parse(settings.backup_public_keys)
    database = Database(settings.database, backup_public_keys)
    bodies = _bodies(settings, database)
    listener = _bind(settings, place)
    if database.lost_backup_keys:
        lost = " or ".join(database.lost_backup_keys)
        _log.warning("key backups of clients with %s keys can be opened by nobody: no --backup-public-key was given", lost)
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
        ws="none",
        h11_max_incomplete_event_size=HEAD_MAX,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_ciphers=_CIPHERS,
    )
    server = _Server(config, settings.scheme)

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
    def __init__(self, config: uvicorn.Config, scheme: str) -> None:
        super().__init__(config)
        self._scheme = scheme

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        print(f"listening on {self._scheme}://{f'[{host}]' if ':' in host else host}:{port}", flush=True)  # noqa: T201 - the sign that it is ready

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        cutting = asyncio.create_task(self._cut_off())
        await super().shutdown(sockets)
        cutting.cancel()

    async def _cut_off(self) -> None:
        """End connections that have said all and wait for the other side to close TLS, which one that is idle never does."""
        closed: set[Any] = set()
        while True:
            await asyncio.sleep(_FAREWELL_SECONDS)
            for connection in closed & self.server_state.connections:
                connection.transport.abort()
            transports = ((connection, connection.transport) for connection in self.server_state.connections)
            closed = {
                connection for connection, transport in transports if transport.is_closing() and not transport.get_write_buffer_size()
            }


def _bodies(settings: ServerSettings, database: Database) -> Bodies:
    """The bodies of the database's files, without what nobody will ask for."""
    # A folder for each database, by an id that it keeps: with another database nothing would be in use, and all swept.
    bodies = Bodies(settings.files_dir / f"bodies-{database.backup_client_id}")
    with database.write() as connection:
        files.forget(connection, database.clock.moment(connection))
    with database.read() as connection:
        bodies.sweep(partial(files.in_use, connection), spare_seconds=files.PENDING_SECONDS if database.shared else 0)
    return bodies


def _check_tls(settings: ServerSettings) -> None:
    """Read the TLS files, once before uvicorn does, which would ask the terminal for a key's password."""
    if settings.tls_certificate is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_certificate, settings.tls_key, lambda: "")
    except (OSError, ValueError) as exc:
        reason = "they are no PEM files that belong together, or the key is encrypted"
        missing = isinstance(exc, OSError) and not isinstance(exc, ssl.SSLError)
        raise ConfigError(f"cannot use the TLS files: {getattr(exc, 'strerror', '') if missing else reason}") from None


def _resolve(settings: ServerSettings) -> _Place:
    try:
        places = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise StorageError(f"cannot listen on {settings.host}: {exc.strerror}") from None
    except UnicodeError:
        raise ConfigError("--host is no name of a host") from None
    settings.check_public(str(places[0][4][0]))
    return places[0]


def _bind(settings: ServerSettings, place: _Place) -> socket.socket:
    family, kind, protocol, _, address = place
    try:
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as exc:
        raise StorageError(f"cannot listen on {settings.host}:{settings.port}: {exc.strerror}; choose another --port") from None
    return listener
