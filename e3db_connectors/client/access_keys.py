"""Access keys: fetched, made, trusted and remembered (protocol section 7, design section 4.9)."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final, TypeVar

from e3db_connectors.client import forks
from e3db_connectors.client.cache import BoundedCache
from e3db_connectors.client.retries import BUDGET_SECONDS
from e3db_connectors.crypto.access_keys import generate_access_key, open_access_key, seal_access_key
from e3db_connectors.errors import AccessKeyMissing, Conflict, NotFound, ResponseInvalid, TransportError, UntrustedKey
from e3db_connectors.wire import paths
from e3db_connectors.wire.records import AccessKey, AccessKeyUpload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from e3db_connectors.client.api import Api
    from e3db_connectors.client.config import Config
    from e3db_connectors.crypto.suite import CipherSuite
    from e3db_connectors.wire.records import Meta

    Owner = tuple[str, str, str]

K = TypeVar("K")

_TURNS: Final = 64
"""Locks that owners share out among them: a slow request holds up nobody but who waits for the same key, or shares its lock."""

MAX_KEYS: Final = 1_000
"""Access keys that a client holds at most."""

MAX_AGE_SECONDS: Final = 3_600.0
"""How long it holds one."""


class AccessKeys:
    """The access keys that a client holds, by (writer, user, type)."""

    def __init__(self, api: Api, config: Config, suite: CipherSuite, trusted: Collection[str] | None = None) -> None:
        """Start with none.

        Args:
            api: Where they are fetched.
            config: Whose they are.
            suite: What they are sealed with.
            trusted: Public keys of authorizers; None: any.
        """
        self._trusted = None if trusted is None else frozenset(trusted)
        self._api = api
        self._config = config
        self._suite = suite
        self.after_fork()
        forks.renew_in_child(self)
        self._types: dict[bytes, str] = {}
        self._keys: BoundedCache[Owner, bytes] = BoundedCache(MAX_KEYS, MAX_AGE_SECONDS)
        self._opened: BoundedCache[tuple[Owner, str], bytes] = BoundedCache(MAX_KEYS, MAX_AGE_SECONDS)

    def for_writing(self, record_type: str) -> bytes:
        """Our own key of a type, made at first use.

        Raises:
            UntrustedKey: The server answers with a key that somebody else could have made, or with that of another type.
        """
        owner = (self._config.client_id, self._config.client_id, record_type)
        key = self._once(self._keys, owner, owner, lambda: self._fetch(owner) or self._create(owner))
        with self._lock:
            if self._types.setdefault(key, record_type) != record_type:
                # Whoever may read the other type could read this one, too.
                raise UntrustedKey(
                    f"the server hands out the access key of our type {self._types[key]!r} for {record_type!r}, too; nothing was encrypted with it"
                )
        return key

    def for_reading(self, meta: Meta, attached: AccessKey | None = None) -> bytes:
        """The key of a record.

        Args:
            meta: The record's meta.
            attached: The key as it came with a page of results; saves a request.

        Raises:
            AccessKeyMissing: It has not been shared with us.
        """
        owner = (meta.writer_id, meta.user_id, meta.record_type)
        if attached is not None and attached.eak:
            return self._once(self._opened, (owner, attached.eak), owner, lambda: self._open(owner, attached))
        return self._once(self._keys, owner, owner, lambda: self._require(owner))

    def of_writer(self, meta: Meta) -> bytes:
        """The key of another writer's records, always asked for anew: the right to share it may have been taken.

        Raises:
            AccessKeyMissing: It has not been shared with us.
        """
        return self._require((meta.writer_id, meta.user_id, meta.record_type))

    def after_fork(self) -> None:
        """Let go of locks that threads of the parent may have held."""
        self._lock = Lock()
        self._turns = tuple(Lock() for _ in range(_TURNS))

    def forget(self) -> None:
        """Drop all keys."""
        with self._lock:
            self._keys.clear()
            self._opened.clear()
            self._types.clear()

    def _once(self, cache: BoundedCache[K, bytes], name: K, owner: Owner, make: Callable[[], bytes]) -> bytes:
        """A key that is remembered, or is made now by one thread while the others wait that want a key of the same owner."""
        with self._lock:
            found = cache.get(name)
        if found:
            return found
        turn = self._turns[hash(owner) % _TURNS]
        if not turn.acquire(timeout=BUDGET_SECONDS):
            raise TransportError("timed out while another thread asked for an access key")
        try:
            with self._lock:
                found = cache.get(name)
            made = found or make()
            with self._lock:
                return found or cache.put(name, made)
        finally:
            turn.release()

    def _path(self, owner: Owner) -> str:
        writer_id, user_id, record_type = owner
        return paths.access_key(writer_id, user_id, self._config.client_id, record_type)

    def _fetch(self, owner: Owner) -> bytes | None:
        try:
            return self._open(owner, self._api.get(self._path(owner), AccessKey))
        except NotFound:
            return None

    def _require(self, owner: Owner) -> bytes:
        key = self._fetch(owner)
        if key is None:
            raise AccessKeyMissing(f"no access key for records of type {owner[2]!r} by writer {owner[0]}")
        return key

    def _create(self, owner: Owner) -> bytes:
        key = generate_access_key()
        eak = seal_access_key(self._suite, key, self._config.public_key, self._config.private_key)
        try:
            self._api.store(self._path(owner), AccessKeyUpload(eak))
        except Conflict:
            stored = self._fetch(owner)  # another process of this client was first, or our own request came through twice
            if stored is None:
                raise
            return stored
        return key

    def _open(self, owner: Owner, key: AccessKey) -> bytes:
        public = (key.authorizer_public_key or {}).get(self._suite.key_map_name)
        if not public:
            raise ResponseInvalid(f"the access key of type {owner[2]!r} comes without its authorizer's public key")
        if owner[0] == owner[1] == self._config.client_id:
            # A server that knew the key could read everything we write: only we may have made our own key.
            if key.authorizer_id != self._config.client_id or public != self._config.public_key:
                raise UntrustedKey(
                    f"the server hands out an access key for our own type {owner[2]!r} that this client did not make (or public_key is not this client's); nothing was encrypted with it",
                )
            public = self._config.public_key
        elif self._trusted is not None and public not in self._trusted:
            raise UntrustedKey(f"the access key of type {owner[2]!r} by writer {owner[0]} comes from an authorizer that is not trusted")
        return open_access_key(self._suite, key.eak, public, self._config.private_key)
