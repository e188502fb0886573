"""Records, one at a time: written, read, changed and deleted; a lost answer is looked up, not guessed (design section 4.7)."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from e3db_connectors.client.arguments import require_text, texts
from e3db_connectors.client.core import ClientCore
from e3db_connectors.crypto import signatures
from e3db_connectors.errors import Conflict, EncodingError, Forbidden, NotFound, OutcomeUnknown, SignatureInvalid, UsageError
from e3db_connectors.wire import paths
from e3db_connectors.wire.queries import QueryRequest, QueryResponse, eq
from e3db_connectors.wire.record_signatures import signed_texts, text_to_sign
from e3db_connectors.wire.records import OPERATION_MEMBER, EncryptedRecord, Meta, Record, Result

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from uuid import UUID

_TRIES: Final = 3
"""How often a call is made whose answers get lost."""


class RecordOperations(ClientCore):
    """Single records, in clear on this side and sealed on the other."""

    def write(
        self, record_type: str, data: Mapping[str, str], plain: Mapping[str, str] | None = None, *, operation_id: str | UUID | None = None
    ) -> Record:
        """Create a record.

        Args:
            record_type: Its type.
            data: Values to encrypt, by name. The names stay clear.
            plain: Values to leave clear, searchable by the server.
            operation_id: A name for this write, unique for the type. With it, writing again creates nothing: the record that
                has the id is looked for first, and after a lost answer. It is kept as the plain member ``_e3db_op``.

        Raises:
            OutcomeUnknown: No answer came; the record may exist or not. With an operation id this is not raised unless
                looking fails, too.
            UsageError: Something is no text, or the operation id belongs to a record with other data.
        """
        require_text(data, "data")
        require_text(plain or {}, "plain")
        if operation_id is not None:
            return self._write_once(record_type, data, {**(plain or {}), OPERATION_MEMBER: str(operation_id)})
        return self._create(record_type, data, plain or {})

    def read(self, record_id: str | UUID, fields: Collection[str] | None = None) -> Record:
        """Read and decrypt one record.

        Args:
            record_id: Its id.
            fields: Names of the fields to fetch and decrypt; None: all.

        Raises:
            NotFound: It does not exist, or not for this client.
        """
        fields = None if fields is None else texts(fields)
        stored = self._read_sealed(record_id, fields)
        return self._cipher.open(Result(stored.meta, stored.data or {}, rec_sig=stored.rec_sig), fields)

    def update(self, record: Record, *, versioned: bool = True) -> Record:
        """Replace data and plain of a record.

        Args:
            record: As it was read, with the values that it is to have.
            versioned: Only if the record still has the version that *record* has; otherwise whatever has happened to it since.

        Raises:
            Conflict: It has been changed since.
            UsageError: It was read without all of its data, or is about another client than its writer.
        """
        if record.partial:
            raise UsageError(
                f"record {record.meta.record_id} was read without all of its data, and an update would lose the rest: read it whole"
            )
        meta = record.meta
        if meta.user_id != meta.writer_id:
            # It has an access key of its own, which readers would take to open what is sealed under another one here.
            raise UsageError(f"record {meta.record_id} is about another client than its writer; such records are read here, not changed")
        require_text(record.data, "data")
        require_text(meta.plain or {}, "plain")
        body = self._sealed(Meta(meta.writer_id, meta.user_id, meta.record_type, meta.plain), record.data)
        if versioned:
            with _telling(body):
                stored = self._update_at_version(meta, body)
        else:
            stored = self._api.put(paths.record(meta.record_id), body, EncryptedRecord, repeatable=True)
        return Record(stored.meta, dict(record.data), stored.rec_sig)

    def delete(self, record_id: str | UUID, version: str | UUID | None = None) -> None:
        """Delete a record.

        Args:
            record_id: Its id.
            version: Only if it still has this version; None: whatever its version.

        Raises:
            Conflict: It has been changed since.
        """
        path = paths.record_version(str(record_id), str(version)) if version is not None else paths.record(str(record_id))
        try:
            self._api.delete(path)
        except OutcomeUnknown:
            for _ in range(_TRIES):
                if not self._exists(record_id):
                    return
                with suppress(OutcomeUnknown, Forbidden, NotFound):  # some servers refuse to delete what is not there any more
                    self._api.delete(path)
                    return
            raise

    def verify(self, record: Record, *, signing_key: str | None = None) -> None:
        """Check that a record, all of whose fields have been read, carries its writer's signature (`rec_sig`).

        The signature covers type, writer, user, plain and data, not the record's id or version.

        Args:
            record: The record in clear, with all its fields.
            signing_key: The writer's public signing key, if it is known from elsewhere. Without it the server vouches for it,
                except for our own records.

        Raises:
            SignatureInvalid: There is no signature, or it is not the writer's.
        """
        key = signing_key or self._signing_key_of(record.meta.writer_id)
        data = None if record.meta.file_meta is not None and not record.data else record.data
        try:
            genuine = any(signatures.verify(text, record.rec_sig or "", key) for text in signed_texts(record.meta, data))
        except EncodingError:
            genuine = False
        if not genuine:
            raise SignatureInvalid(f"record {record.meta.record_id} does not carry its writer's signature")

    def _create(self, record_type: str, data: Mapping[str, str], plain: Mapping[str, str]) -> Record:
        body = self._sealed(Meta(self.client_id, self.client_id, record_type, dict(plain)), data)
        with _telling(body):
            stored = self._api.post(paths.RECORDS, body, EncryptedRecord, repeatable=False)
        return Record(stored.meta, dict(data), stored.rec_sig)

    def _write_once(self, record_type: str, data: Mapping[str, str], plain: Mapping[str, str]) -> Record:
        """Create a record whose plain holds an operation id; a lost answer is looked up, then tried again."""
        for _ in range(_TRIES - 1):
            with suppress(OutcomeUnknown):
                return self._found_or_created(record_type, data, plain)
        return self._found_or_created(record_type, data, plain)

    def _found_or_created(self, record_type: str, data: Mapping[str, str], plain: Mapping[str, str]) -> Record:
        found = self._of_operation(record_type, plain[OPERATION_MEMBER])
        if found is None:
            return self._create(record_type, data, plain)
        if found.data != dict(data):
            raise UsageError("this operation id belongs to a record with other data; a new write takes a new id")
        return found

    def _of_operation(self, record_type: str, operation_id: str) -> Record | None:
        request = QueryRequest(count=1, include_data=True, content_types=[record_type], plain=eq(OPERATION_MEMBER, operation_id))
        found = self._api.post(paths.QUERY, request, QueryResponse, repeatable=True).results
        return self._cipher.open(found[0]) if found else None

    def _update_at_version(self, meta: Meta, body: EncryptedRecord) -> EncryptedRecord:
        path = paths.record_version(meta.record_id, meta.version)
        try:
            return self._api.put(path, body, EncryptedRecord)
        except OutcomeUnknown:
            for _ in range(_TRIES):
                stored = self._read_sealed(meta.record_id)
                if _holds(stored, body):
                    return stored
                if stored.meta.version != meta.version:
                    raise Conflict("PUT", path, 409, "the record has been changed since, by somebody else") from None
                with suppress(OutcomeUnknown, Conflict):  # a conflict may be with our own first request, which was only late
                    return self._api.put(path, body, EncryptedRecord)
            raise

    def _read_sealed(self, record_id: str | UUID, fields: Collection[str] | None = None) -> EncryptedRecord:
        return self._api.get(paths.record(str(record_id), fields), EncryptedRecord)

    def _exists(self, record_id: str | UUID) -> bool:
        try:
            self._read_sealed(record_id)
        except NotFound:
            return False
        return True

    def _sealed(self, meta: Meta, data: Mapping[str, str]) -> EncryptedRecord:
        if not self._sign_records:
            return EncryptedRecord(meta, self._cipher.seal(meta.record_type, data))
        # Sorted, so that clients that verify in the order of the members find the order that was signed.
        data = dict(sorted(data.items()))
        meta = Meta(meta.writer_id, meta.user_id, meta.record_type, dict(sorted((meta.plain or {}).items())))
        signature = signatures.sign(text_to_sign(meta, data), self.config.private_signing_key)
        return EncryptedRecord(meta, self._cipher.seal(meta.record_type, data), signature)

    def _signing_key_of(self, client_id: str) -> str:
        if client_id == self.client_id:
            return self.config.public_signing_key
        return (self.client_info(client_id).signing_key or {}).get("ed25519", "")


@contextmanager
def _telling(body: EncryptedRecord) -> Iterator[None]:
    """Let an error whose outcome is unknown tell what was sent."""
    try:
        yield
    except OutcomeUnknown as exc:
        exc.sent = body
        raise


def _holds(stored: EncryptedRecord, sent: EncryptedRecord) -> bool:
    """Whether a record is what an update has made of it: its quads have random nonces, so nobody else can have sent them."""
    return stored.data == sent.data and (stored.meta.plain or {}) == (sent.meta.plain or {})
