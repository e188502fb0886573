"""Calls as a signed-in client: bearer token in, typed replies out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from e3db_connectors.client import decoding
from e3db_connectors.client.transport import Call, Reply, Transport
from e3db_connectors.errors import Unauthorized
from e3db_connectors.wire.records import to_bytes

if TYPE_CHECKING:
    from requests.auth import AuthBase

    from e3db_connectors.client.auth import TokenSource

T = TypeVar("T")


class Api:
    """One client's view of the server."""

    def __init__(self, transport: Transport, tokens: TokenSource) -> None:
        """Join the two halves; nothing is sent yet."""
        self._transport = transport
        self._tokens = tokens

    def get(self, path: str, kind: type[T]) -> T:
        """Read something."""
        call = Call("GET", path)
        return decoding.decode(self.send(call).body, kind, call)

    def post(self, path: str, body: Any, kind: type[T], *, repeatable: bool) -> T:
        """Ask or create something."""
        call = Call("POST", path, to_bytes(body), repeatable=repeatable)
        return decoding.decode(self.send(call).body, kind, call)

    def put(self, path: str, body: Any, kind: type[T], *, repeatable: bool = False) -> T:
        """Put something; once, for most PUTs name a version or may exist only once: a blind repeat would meet its own conflict."""
        call = Call("PUT", path, to_bytes(body), repeatable=repeatable)
        return decoding.decode(self.send(call).body, kind, call)

    def store(self, path: str, body: Any) -> None:
        """Put something that may be put again; what is answered does not matter."""
        self.send(Call("PUT", path, to_bytes(body)))

    def delete(self, path: str, *, repeatable: bool = False) -> None:
        """Delete something; once, unless deleting what is not there is no error."""
        self.send(Call("DELETE", path, repeatable=repeatable))

    def send(self, call: Call) -> Reply:
        """Send with the current token; after a 401 once more with a new one."""
        deadline = self._transport.deadline()
        token = self._tokens.current(deadline)
        try:
            return self._transport.send(call, token, deadline)
        except Unauthorized:
            self._tokens.discard(token)
            return self._transport.send(call, self._tokens.current(deadline), deadline)

    def send_signed(self, call: Call, auth: AuthBase) -> Reply:
        """Send with a signature of its own instead of the token."""
        return self._transport.send(call, auth)

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()
