"""Large files beside the rows of their records: decrypted on the way into a folder, or to any place that fsspec knows by its URL."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from e3db_connectors.errors import ConfigError, E3DBError, LocalFileError, ResponseInvalid
from e3db_connectors.wire import limits
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.wire.records import Meta

FILE_COLUMN: Final = "_e3db_file"
"""The meta column of large files; null for other records."""

_TEXT: Final[Schema] = {"type": ["string", "null"]}
FILE_SCHEMA: Final[Schema] = {
    "type": ["object", "null"],
    "properties": {
        "file_name": _TEXT,
        "checksum": _TEXT,
        "compression": _TEXT,
        "size": {"type": ["integer", "null"]},
        "location": _TEXT,
    },
}
"""What is told of the encrypted body, and where the decrypted file has been put."""


def file_value(meta: Meta, location: str | None = None) -> dict[str, Any] | None:
    """The value of the column for a record."""
    told = meta.file_meta
    if told is None:
        return None
    shown = {"file_name": told.file_name, "checksum": told.checksum, "compression": told.compression, "size": told.size}
    return shown | ({} if location is None else {"location": location})


def has_files(
    client: Client, record_type: str, *, sample_size: int, all_writers: bool = False, writer_ids: Sequence[str] | None = None
) -> bool:
    """Whether there are large files among the first records of a type; nothing is decrypted, nor even fetched."""
    if not sample_size:
        return False
    request = QueryRequest(
        count=min(sample_size, limits.PAGE_MAX),
        content_types=[record_type],
        include_all_writers=(all_writers and writer_ids is None) or None,
        writer_ids=list(writer_ids) if writer_ids else None,
    )
    return any(result.meta.file_meta is not None for result in next(client.query_pages(request), []))


class FileStore:
    """Puts decrypted files where rows can name them; several threads may share one.

    Args:
        directory: A local folder, which is made if it is not there, or a URL such as ``s3://bucket/folder``.

    Raises:
        ConfigError: fsspec, or what it needs for this kind of URL, is not installed; or the URL holds a password, which rows would show.
        LocalFileError: The folder cannot be made.
    """

    def __init__(self, directory: str) -> None:
        """Find the place."""
        self._directory = directory.rstrip("/")
        self._remote: tuple[Any, str] | None = None
        if _has_password(directory):
            raise ConfigError(
                "the URL for files must hold no password: rows name it; give it to fsspec, in its configuration or environment"
            )
        try:
            if "://" in directory:
                self._remote = import_module("fsspec.core").url_to_fs(self._directory)
            else:
                Path(directory).mkdir(parents=True, exist_ok=True)
        except (ImportError, ValueError) as exc:
            raise ConfigError(f"files cannot go to this kind of URL: {exc}; a URL needs fsspec: pip install fsspec") from None
        except OSError as exc:
            raise LocalFileError(f"cannot write files to {directory}: {exc.strerror}") from None

    def save(self, client: Client, meta: Meta) -> str:
        """Put the file of a record there, named by the record's id: whole, or not at all.

        Returns:
            Its path or URL.

        Raises:
            IntegrityError: It is not what its writer sealed.
            LocalFileError: It cannot be written.
        """
        name = _checked_id(meta.record_id)
        if self._remote is None:
            path = Path(self._directory) / name
            client.read_file(meta.record_id, path)
            return str(path)
        system, root = self._remote
        try:
            self._stream(client, meta.record_id, system, f"{root}/{name}")
        except E3DBError:
            raise
        except Exception as exc:  # noqa: BLE001 - each kind of place has errors of its own, and their texts may hold what opens it
            reason = exc.strerror if isinstance(exc, OSError) else None
            raise LocalFileError(f"cannot write {self._directory}/{name}: {reason or type(exc).__name__}") from None
        return f"{self._directory}/{name}"

    @staticmethod
    def _stream(client: Client, record_id: str, system: Any, path: str) -> None:
        folder, _, name = path.rpartition("/")
        system.makedirs(folder, exist_ok=True)
        part = f"{folder}/.{name}.part"  # not all kinds of places can keep a file back until it is whole
        try:
            with system.open(part, "wb") as file:
                client.read_file(record_id, file)
            system.mv(part, path)
        except BaseException:
            with suppress(OSError):
                system.rm(part)
            raise


def _has_password(directory: str) -> bool:
    try:
        return urlsplit(directory).password is not None
    except ValueError:
        raise ConfigError("files_directory is neither a folder nor a URL") from None


def _checked_id(record_id: str) -> str:
    """The id of a record, which is to become the name of a file: a server must not choose another folder by it."""
    try:
        return str(UUID(record_id))
    except ValueError:
        raise ResponseInvalid("the server names a file's record by something that is no id") from None
