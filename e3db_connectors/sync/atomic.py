"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp
from typing import IO, TYPE_CHECKING

from e3db_connectors.errors import LocalFileError, PathTaken

if TYPE_CHECKING:
    from collections.abc import Iterator


def require_free(path: Path, *, overwrite: bool) -> None:
    """Check that a file can appear at *path*.

    Raises:
        LocalFileError: There is no such folder, or something else is there, or, without *overwrite*, a file.
    """
    if not path.parent.is_dir():
        raise LocalFileError(f"cannot write {path}: there is no such folder")
    if path.exists() and not path.is_file():
        raise LocalFileError(f"{path} is no regular file")
    if not overwrite and path.exists():
        raise PathTaken(f"{path} exists already; choose another name, or ask to overwrite it")


@contextmanager
def written_whole(path: Path, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Write a file that only its owner can read; it appears at *path* when the block ends, and on an error nothing does.

    Until then it is a file of a random name beside *path*, on the same disk, and nowhere else.

    Raises:
        LocalFileError: It cannot be written, or the place is taken.
    """
    require_free(path, overwrite=overwrite)
    try:
        handle, name = mkstemp(prefix=".e3db-", suffix=".part", dir=path.parent)
    except OSError as exc:
        raise LocalFileError(f"cannot write {path}: {exc.strerror}") from None
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        require_free(path, overwrite=overwrite)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise LocalFileError(f"cannot write {path}: {exc.strerror or exc}") from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new name last, where the system can do that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
