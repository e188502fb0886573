"""Sharing record types with other clients, and letting others share them on (protocol section 12)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from e3db_connectors.client.core import ClientCore
from e3db_connectors.crypto.access_keys import seal_access_key
from e3db_connectors.errors import Conflict, UntrustedKey, UsageError
from e3db_connectors.wire import paths
from e3db_connectors.wire.records import AccessKey, AccessKeyUpload, Meta
from e3db_connectors.wire.sharing import Authorization, IncomingShare, OutgoingShare, PolicyChange, Right, allow, deny

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID


class Authorizer(NamedTuple):
    """Who has sealed an access key for a reader."""

    client_id: str
    public_key: str


class SharingOperations(ClientCore):
    """Sharing is by record type: it covers all records of the type, those to come, too.

    A revoke makes the server hand out nothing more. It does not encrypt anew: who has kept the access key and gets at
    the cipher text some other way can still read it.
    """

    def share(self, record_type: str, reader_id: str | UUID, *, reader_public_key: str | None = None) -> None:
        """Let a client read all our records of a type.

        Args:
            record_type: The type; it need not have any record yet.
            reader_id: The client that may read. Sharing with oneself does nothing.
            reader_public_key: The reader's key, if it is known from elsewhere. Without it the server vouches for it.

        Raises:
            UntrustedKey: The server names another key of the reader than *reader_public_key*.
            NotFound: There is no such client.
        """
        self._give(self.client_id, record_type, str(reader_id), Right.READ, reader_public_key)

    def revoke(self, record_type: str, reader_id: str | UUID) -> None:
        """Take back what `share` gave."""
        self._take(self.client_id, record_type, str(reader_id), Right.READ)

    def add_authorizer(self, record_type: str, authorizer_id: str | UUID, *, authorizer_public_key: str | None = None) -> None:
        """Let a client share our records of a type with others; it may not read them itself.

        Raises:
            UntrustedKey: The server names another key of the client than *authorizer_public_key*.
        """
        self._give(self.client_id, record_type, str(authorizer_id), Right.AUTHORIZER, authorizer_public_key)

    def remove_authorizer(self, record_type: str, authorizer_id: str | UUID) -> None:
        """Take back what `add_authorizer` gave; what the client has shared meanwhile stays shared."""
        self._take(self.client_id, record_type, str(authorizer_id), Right.AUTHORIZER)

    def share_on_behalf_of(
        self, writer_id: str | UUID, reader_id: str | UUID, record_type: str, *, reader_public_key: str | None = None
    ) -> None:
        """Let a client read another client's records, as that client's authorizer.

        Raises:
            AccessKeyMissing: We are no authorizer of that writer and type.
            UntrustedKey: The server names another key of the reader than *reader_public_key*.
        """
        self._give(str(writer_id), record_type, str(reader_id), Right.READ, reader_public_key)

    def revoke_on_behalf_of(self, writer_id: str | UUID, reader_id: str | UUID, record_type: str) -> None:
        """Take back what `share_on_behalf_of` gave."""
        self._take(str(writer_id), record_type, str(reader_id), Right.READ)

    def open_own_key(self, record_type: str) -> None:
        """Fetch our own access key of a type, or make it, and open it: so it shows that the credentials work. No record is written.

        Raises:
            UntrustedKey: The server answers with a key that this client has not made.
        """
        self._keys.for_writing(record_type)

    def outgoing_sharing(self) -> list[OutgoingShare]:
        """What we have shared, and with whom."""
        return self._api.get(paths.OUTGOING, list[OutgoingShare])

    def incoming_sharing(self) -> list[IncomingShare]:
        """What others have shared with us."""
        return self._api.get(paths.INCOMING, list[IncomingShare])

    def get_authorizers(self) -> list[Authorization]:
        """Who may share our records on."""
        return self._api.get(paths.PROXIES, list[Authorization])

    def get_authorized_by(self) -> list[Authorization]:
        """Whose records we may share on."""
        return self._api.get(paths.GRANTED, list[Authorization])

    def authorizer_of(self, writer_id: str | UUID, record_type: str) -> Authorizer:
        """Who has sealed our key to a writer's records of a type: the writer, or an authorizer of it, as the server says.

        Compare its public key with one that is known from elsewhere, or pass that as `trusted_authorizers` once and for all.

        Raises:
            NotFound: They are not shared with us.
        """
        path = paths.access_key(str(writer_id), str(writer_id), self.client_id, record_type)
        key = self._api.get(path, AccessKey)
        return Authorizer(key.authorizer_id, (key.authorizer_public_key or {}).get(self._suite.key_map_name, ""))

    def sealed_key_of(self, writer_id: str | UUID, record_type: str) -> str:
        """Our key to a writer's records of a type as the server keeps it: sealed, and sealed anew by each new grant.

        Raises:
            NotFound: They are not shared with us.
        """
        path = paths.access_key(str(writer_id), str(writer_id), self.client_id, record_type)
        return self._api.get(path, AccessKey).eak

    def _give(self, writer_id: str, record_type: str, receiver_id: str, right: Right, pinned_key: str | None) -> None:
        if receiver_id == self.client_id:
            return
        if writer_id == self.client_id:
            key = self._keys.for_writing(record_type)
        else:
            key = self._keys.of_writer(Meta(writer_id, writer_id, record_type))
        receiver_key = self._public_key_of(receiver_id, pinned_key)
        eak = seal_access_key(self._suite, key, receiver_key, self.config.private_key)
        path = paths.access_key(writer_id, writer_id, receiver_id, record_type)
        with suppress(Conflict):  # it has the key already; the right below is what counts
            self._api.store(path, AccessKeyUpload(eak))
        self._change_policy(writer_id, receiver_id, record_type, allow(right))

    def _take(self, writer_id: str, record_type: str, receiver_id: str, right: Right) -> None:
        if receiver_id == self.client_id:
            return
        self._change_policy(writer_id, receiver_id, record_type, deny(right))
        if writer_id == self.client_id and self._has_other(right, record_type, receiver_id):
            return  # the one key serves both rights
        self._api.delete(paths.access_key(writer_id, writer_id, receiver_id, record_type), repeatable=True)

    def _has_other(self, right: Right, record_type: str, receiver_id: str) -> bool:
        """Whether the receiver of a right of ours has the other one, too."""
        if right == Right.READ:
            return any((each.authorizer_id, each.record_type) == (receiver_id, record_type) for each in self.get_authorizers())
        return any((each.reader_id, each.record_type) == (receiver_id, record_type) for each in self.outgoing_sharing())

    def _change_policy(self, writer_id: str, receiver_id: str, record_type: str, change: PolicyChange) -> None:
        self._api.store(paths.policy(writer_id, writer_id, receiver_id, record_type), change)

    def _public_key_of(self, client_id: str, pinned_key: str | None) -> str:
        keys: Mapping[str, str] = self.client_info(client_id).public_key
        key = keys.get(self._suite.key_map_name)
        if not key:
            raise UsageError(f"client {client_id} has no {self._suite.key_map_name} key: it uses another cipher suite")
        if pinned_key is not None and key != pinned_key:
            raise UntrustedKey(f"the server names another public key of client {client_id} than the one that was given; nothing was shared")
        return key
