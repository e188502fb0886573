"""Large files: sealed on the way out, opened on the way in, in constant memory (protocol section 13)."""

from __future__ import annotations

import os
from base64 import b64encode
from contextlib import closing, contextmanager, suppress
from hashlib import md5
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, TYPE_CHECKING, BinaryIO, Final

import msgspec

from e3db_connectors.client import decoding
from e3db_connectors.client.arguments import require_text
from e3db_connectors.client.core import ClientCore
from e3db_connectors.client.transport import Call
from e3db_connectors.crypto import signatures
from e3db_connectors.crypto.files import open_file, seal_file
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import (
    ConfigError,
    Conflict,
    IntegrityError,
    InvalidRequest,
    LocalFileError,
    NotFound,
    OutcomeUnknown,
    ResponseInvalid,
)
from e3db_connectors.wire import paths
from e3db_connectors.wire.files import FileAnnouncement, NewFile, PendingFile
from e3db_connectors.wire.record_signatures import text_to_sign
from e3db_connectors.wire.records import EncryptedRecord, FileMeta, Meta, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    AnyPath = str | os.PathLike[str]

PIECE_SIZE: Final = 256 * 1024
"""Bytes that are read and sent at a time."""


class FileOperations(ClientCore):
    """Large files: records whose data is one encrypted body, of any size."""

    def write_file(self, record_type: str, source: AnyPath | IO[bytes], plain: Mapping[str, str] | None = None) -> Record:
        """Encrypt a file and upload it as a new record.

        The encrypted body is kept meanwhile in a nameless temporary file (set ``TMPDIR`` to choose the disk): its checksum has
        to be known before the upload begins.

        Args:
            record_type: Its type.
            source: The file: its path, or one that is open for reading bytes.
            plain: Values to leave clear, searchable by the server.

        Returns:
            The record; its `meta.file_meta` tells of the encrypted body, its data is empty.

        Raises:
            LocalFileError: The file cannot be read, or the temporary one not be written.
            TransportError: The upload failed; nothing has become visible.
            OutcomeUnknown: The last step got no answer; the record may exist or not.
        """
        self._require_sodium()
        require_text(plain or {}, "plain")
        key = self._keys.for_writing(record_type)
        with _opened(source) as clear, TemporaryFile() as sealed:
            file_meta = _describe(_copied(seal_file(key, clear), sealed))
            sealed.seek(0)
            pending = self._announce(record_type, plain or {}, file_meta)
            headers = {"Content-Type": "application/octet-stream", "Content-MD5": file_meta.checksum}
            self._transport.upload(pending.file_url, _pieces(sealed), file_meta.size, headers)
        stored = self._commit(pending)
        meta = msgspec.structs.replace(stored.meta, file_meta=_without_url(stored.meta.file_meta or file_meta))
        return Record(meta, {}, stored.rec_sig)

    def read_file(self, record_id: str | UUID, destination: AnyPath | IO[bytes]) -> FileMeta:
        """Download and decrypt a file.

        It is written beside its destination under another name and moved there when all of it has been checked; on any error the
        destination is as it was. The new file can be read by its owner only.

        Args:
            record_id: The record's id.
            destination: Where to put the file; one that is there is replaced. Or a file that is open for writing bytes: what is in it
                counts only once this returns.

        Raises:
            NotFound: There is no such file, or not for this client.
            IntegrityError: It is not what its writer sealed.
            LocalFileError: The destination cannot be written.
        """
        self._require_sodium()
        stored = self._api.get(paths.file(str(record_id)), EncryptedRecord)
        file_meta = stored.meta.file_meta
        if file_meta is None or not file_meta.file_url:
            raise ResponseInvalid(f"the server names no place to download file {record_id} from")
        key = self._keys.for_reading(stored.meta)
        with _written(destination) as file, closing(self._transport.download(file_meta.file_url)) as received:
            for piece in open_file(key, _checked(received, file_meta, str(record_id))):
                file.write(piece)
        return _without_url(file_meta)

    def _announce(self, record_type: str, plain: Mapping[str, str], file_meta: FileMeta) -> PendingFile:
        signature = None
        if self._sign_records:
            text = text_to_sign(Meta(self.client_id, self.client_id, record_type, dict(plain)), None)
            signature = signatures.sign(text, self.config.private_signing_key)
        announcement = FileAnnouncement(self.client_id, self.client_id, record_type, file_meta, dict(sorted(plain.items())))
        # Announced twice, a file is only a place more that nothing is uploaded to.
        return self._api.post(paths.FILES, NewFile(announcement, {}, signature), PendingFile, repeatable=True)

    def _commit(self, pending: PendingFile) -> EncryptedRecord:
        call = Call("PATCH", paths.file(pending.id), b"", repeatable=False)
        try:
            return decoding.decode(self._api.send(call).body, EncryptedRecord, call)
        except OutcomeUnknown:
            with suppress(NotFound):
                return self._api.get(paths.file(pending.id), EncryptedRecord)
        try:
            return decoding.decode(self._api.send(call).body, EncryptedRecord, call)
        except (NotFound, Conflict, InvalidRequest):
            # Some servers refuse a second commit, and give the record another id.
            raise OutcomeUnknown(
                "the last step of a file got no answer, and was refused when it was repeated; the file may be there or not"
            ) from None

    def _require_sodium(self) -> None:
        if not isinstance(self._suite, SodiumSuite):
            raise ConfigError("large files exist in the Sodium suite only, and these credentials are of another one")


def _without_url(file_meta: FileMeta) -> FileMeta:
    """What can be passed on: the URL is a permission."""
    return msgspec.structs.replace(file_meta, file_url="")


@contextmanager
def _local_errors(what: str, path: AnyPath) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise LocalFileError(f"cannot {what} {os.fspath(path)}: {exc.strerror}") from None
    except UnicodeEncodeError:
        raise LocalFileError(f"cannot {what} {os.fspath(path)!a}: no file of this machine has such a name") from None


@contextmanager
def _opened(source: AnyPath | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(source, (str, os.PathLike)):
        with _local_errors("read", source), Path(source).open("rb") as file:
            yield file
    else:
        yield source


@contextmanager
def _written(destination: AnyPath | IO[bytes]) -> Iterator[IO[bytes]]:
    if isinstance(destination, (str, os.PathLike)):
        with _local_errors("write", destination), _replaced(Path(destination)) as file:
            yield file
    else:
        yield destination


@contextmanager
def _replaced(destination: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of *destination* once it is complete and on the disk; it leaves nothing behind if it fails."""
    with NamedTemporaryFile(dir=destination.parent, prefix=".e3db-", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            temporary.replace(destination)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    folder = os.open(destination.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copied(pieces: Iterator[bytes], target: BinaryIO) -> Iterator[bytes]:
    for piece in pieces:
        target.write(piece)
        yield piece


def _describe(pieces: Iterator[bytes]) -> FileMeta:
    """Size and checksum of an encrypted body."""
    digest, size = md5(usedforsecurity=False), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
    return FileMeta(checksum=b64encode(digest.digest()).decode(), compression="raw", size=size)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_SIZE):
        yield piece


def _checked(pieces: Iterator[bytes], expected: FileMeta, record_id: str) -> Iterator[bytes]:
    """The pieces; at their end an error if they are not the body that was announced."""
    digest, size = md5(usedforsecurity=False), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        if size > expected.size:
            break
        yield piece
    if size != expected.size or b64encode(digest.digest()).decode() != expected.checksum:
        raise IntegrityError(f"the body of file {record_id} is not the one that was uploaded: its size or checksum differs")
