"""Bodies of large files on disk. A name stands for a complete body or for nothing; which of them count, the database says."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import re
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Final

from e3db_connectors.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

_log = logging.getLogger(__name__)

_PART: Final = ".part"
_OURS: Final = re.compile(rf"[0-9a-f]{{32}}({re.escape(_PART)})?")
_BATCH: Final = 500


class Bodies:
    """A folder of bodies.

    Args:
        folder: Of these bodies alone; made at first use.

    Raises:
        StorageError: If there can be no such folder.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder, if it is not there."""
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync(folder.parent)
        except OSError as exc:
            raise StorageError(f"cannot use the files folder {folder}: {exc.strerror}") from None

    def receive(self) -> Arrival:
        """Begin to take a new body."""
        return Arrival(self._folder)

    def open(self, name: str) -> BinaryIO | None:
        """A body, to read from; None if it has been removed."""
        try:
            return (self._folder / name).open("rb")
        except FileNotFoundError:
            return None

    def remove(self, name: str) -> None:
        """Remove a body that the database knows no more. What cannot be removed now is left to the next `sweep`."""
        _remove(self._folder / name)

    def sweep(self, in_use: Callable[[Collection[str]], Collection[str]], *, spare_seconds: float = 0) -> None:
        """Remove what a crash has left: unfinished bodies, and those that are not *in_use*.

        Args:
            in_use: Tells which of some names the database knows.
            spare_seconds: Let be what was changed within this time: another process may be receiving it.
        """
        before = time.time() - spare_seconds
        found = (entry for entry in os.scandir(self._folder) if _OURS.fullmatch(entry.name))
        names = [entry.name for entry in found if entry.stat().st_mtime <= before]
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            for name in set(batch).difference(in_use(batch)):
                self.remove(name)


class Arrival:
    """A body on its way in: written beside its place, and moved there as a whole."""

    def __init__(self, folder: Path) -> None:
        """Open a new file that nobody else can read."""
        self.name = secrets.token_hex(16)
        self.size = 0
        self._folder = folder
        self._path = folder / (self.name + _PART)
        self._md5 = hashlib.md5(usedforsecurity=False)  # what the protocol has
        self._file = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._file.write(chunk)
        self._md5.update(chunk)
        self.size += len(chunk)

    def checksum(self) -> str:
        """Of what has come so far, as the protocol writes it."""
        return base64.b64encode(self._md5.digest()).decode()

    def settle(self) -> None:
        """Wait until all bytes are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def keep(self) -> None:
        """Give the body its name, for good; to be called last, after `settle`."""
        self._path.rename(self._folder / self.name)
        _sync(self._folder)

    def discard(self) -> None:
        """Remove what has come, unless it has been kept. What cannot be removed now is left to the next `sweep`."""
        with suppress(OSError):  # on a full disk the last bytes cannot be written
            self._file.close()
        _remove(self._path)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as exc:
        _log.warning("cannot remove a file's body: %s", exc.strerror)


def _sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
