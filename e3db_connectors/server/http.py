"""Between HTTP and the store: bodies in, JSON out, and who is calling."""

from __future__ import annotations

from base64 import b64decode
from functools import lru_cache, partial, update_wrapper
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Any, Final, TypeVar
from unicodedata import category
from uuid import UUID

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from e3db_connectors.server import signing
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store.owners import Owner
from e3db_connectors.wire import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from e3db_connectors.server.blobs import Bodies
    from e3db_connectors.server.settings import ServerSettings
    from e3db_connectors.server.signing import Signer
    from e3db_connectors.server.store.accounts import TokenCache
    from e3db_connectors.server.store.database import Database
    from e3db_connectors.server.writing import WritingThread

    Handler = Callable[["Incoming"], Response]

T = TypeVar("T")

_UUID_MAX: Final = len("urn:uuid:{00000000-0000-0000-0000-000000000000}")


class Incoming:
    """A request whose body has been read; what handlers, which run in threads, work on."""

    def __init__(self, request: Request, body: bytes) -> None:
        """Wrap *request*."""
        self._request = request
        self._body = body
        self.database: Database = request.app.state.database
        self.bodies: Bodies = request.app.state.bodies
        self._tokens: TokenCache = request.app.state.tokens
        self.settings: ServerSettings = request.app.state.settings
        self.registration_token_hash: bytes = request.app.state.registration_token_hash

    def segment(self, name: str) -> str:
        """A decoded segment of the path."""
        return str(self._request.path_params[name])

    def owner(self) -> Owner:
        """Writer, user and type that the path names."""
        return Owner(uuid_of(self.segment("writer_id")), uuid_of(self.segment("user_id")), check_type(self.segment("type")))

    def url(self, path: str) -> str:
        """*path* as an absolute URL: under the address that the server is known by, else the one that this request went to."""
        public = self._request.app.state.public_url or str(self._request.base_url)
        return public.rstrip("/") + path

    def address(self) -> str:
        """Where the request came from, see `network_of`."""
        return network_of(self._request.client.host if self._request.client else "")

    def query(self, name: str) -> list[str]:
        """All values of a member of the query."""
        return self._request.query_params.getlist(name)

    def json(self, kind: type[T], at_most: int = limits.BODY_MAX) -> T:
        """The body, whatever its content type says (protocol section 1.2)."""
        if len(self._body) > at_most:
            raise Problem(413, f"a body may have {at_most} bytes here")
        try:
            return msgspec.json.decode(self._body or b"{}", type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
            raise Problem(400, str(exc) if isinstance(exc, msgspec.ValidationError) else "the body is no JSON") from None

    def caller(self) -> str:
        """The id of the client whose bearer token, or signature, came along."""
        authorization = self._request.headers.get("Authorization", "")
        if signing.is_signed(authorization):
            signer = self.signer(anonymous=False)
            if signer.client_id:
                return signer.client_id
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token:
            client_id = self._tokens.client_of(self.database, token.strip())
            if client_id:
                return client_id
        raise Problem(401, "sign in: the bearer token is missing, unknown or has run out")

    def signer(self, *, anonymous: bool) -> Signer:
        """Whose signature came along; with *anonymous* it may be that of a key alone."""
        authorization = self._request.headers.get("Authorization", "")
        signer = signing.signer(self._request, self.database, authorization, anonymous=anonymous)
        if signer is None:
            raise Problem(401, "the signature of the request is missing, not valid, too old, or has been used before")
        return signer

    def basic(self) -> tuple[str, str]:
        """API key id and secret of HTTP Basic."""
        scheme, _, value = self._request.headers.get("Authorization", "").partition(" ")
        try:
            user, colon, password = b64decode(value, validate=True).decode().partition(":")
        except ValueError:  # no base64, or no UTF-8
            colon = ""
        if scheme.lower() != "basic" or not colon:
            raise Problem(401, "sign in with the API key id and secret")
        return user, password


class endpoint:  # noqa: N801 - it stands where frameworks have a decorator
    """An ASGI application that reads the body within its limit, then runs a handler in a thread.

    Args:
        handler: It; name, module and docstring are its.
        writes: It does nothing that takes long but write, and nothing after that which the commit has to precede: see `server.writing`.
    """

    def __init__(self, handler: Handler, *, writes: bool = False) -> None:
        """Wrap *handler*."""
        update_wrapper(self, handler)
        self._handler = handler
        self._writes = writes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; what the handler raises is for the caller to answer."""
        request = Request(scope, receive)
        incoming = Incoming(request, await _read(request))
        if self._writes:
            writing: WritingThread = request.app.state.writing
            response: Response = await writing.run(partial(self._handler, incoming))
        else:
            response = await run_in_threadpool(self._handler, incoming)
        await response(scope, receive, send)


async def _read(request: Request) -> bytes:
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limits.BODY_MAX:
            raise Problem(413, f"a body may have {limits.BODY_MAX} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(body), status, headers, "application/json")


def empty() -> Response:
    """An answer without a body."""
    return Response(status_code=204)


def page_of(limit: int | None, next_token: int | None) -> tuple[int, int]:
    """Size and offset of a page that is asked for (section 11.1)."""
    size, offset = limit or limits.PAGE_DEFAULT_SEARCH, next_token or 0
    if not 0 < size <= limits.PAGE_MAX:
        raise Problem(400, f"limit must be from 1 to {limits.PAGE_MAX}")
    if not 0 <= offset < limits.SEARCH_WINDOW:
        raise Problem(400, f"next_token must be from 0 to {limits.SEARCH_WINDOW - 1}; split the search by time")
    return size, offset


def network_of(host: str) -> str:
    """An address as limits count it: of IPv6 the network, for all of its addresses are one caller's."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or ip_network((address, 64), strict=False))
    return str(address)


def uuid_of(text: str, status: int = 400) -> str:
    """*text* as a canonical UUID, else a `Problem` of *status*."""
    try:
        if len(text) <= _UUID_MAX:
            return _canonical(text)
    except ValueError:
        pass
    raise Problem(status, "no UUID")


@lru_cache(1000)  # most requests of a client name the same ones
def _canonical(text: str) -> str:
    return str(UUID(text))


def check_type(record_type: str) -> str:
    """A record type that may be stored."""
    if not record_type or len(record_type) > limits.TYPE_MAX or any(category(char) == "Cc" for char in record_type):
        raise Problem(400, f"a record type has 1 to {limits.TYPE_MAX} characters and no control characters")
    return record_type
