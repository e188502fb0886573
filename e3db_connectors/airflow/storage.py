"""Files on a disk of the worker or in an object store, read as streams, and written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from airflow.sdk import ObjectStoragePath

from e3db_connectors.errors import LocalFileError, PathTaken, UsageError
from e3db_connectors.sync import atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

AnyPath = Path | ObjectStoragePath


def path_of(place: Any, conn_id: str | None = None) -> AnyPath:
    """A place as a path: of the worker's disk, also if it is given as ``file://``, or of an object store.

    Args:
        place: A path, an address such as ``s3://bucket/key``, or an `ObjectStoragePath`.
        conn_id: The store's connection; it may also stand in the address, ``s3://conn@bucket/key``.

    Raises:
        UsageError: It is no place.
    """
    if not place or not isinstance(place, (str, os.PathLike, ObjectStoragePath)):
        raise UsageError(f"a path or an address is needed, not {type(place).__name__ if place else 'nothing'}")
    if not isinstance(place, ObjectStoragePath):
        if "://" not in str(place):
            return Path(place)
        place = ObjectStoragePath(str(place), conn_id=conn_id)
    return Path(place.path) if place.protocol in ("file", "local") else place


def open_to_read(path: AnyPath) -> IO[bytes]:
    """Open a file.

    Raises:
        LocalFileError: It cannot be read.
    """
    try:
        opened: IO[bytes] = path.open("rb")
    except OSError as exc:
        raise LocalFileError(f"cannot read {path}: {exc.strerror or type(exc).__name__}") from None
    return opened


@contextmanager
def written_whole(path: AnyPath, *, overwrite: bool) -> Iterator[IO[bytes]]:
    """Write a file that appears at *path* when the block ends; on an error nothing does, and what was there stays.

    Raises:
        LocalFileError: It cannot be written, or the place is taken.
    """
    if isinstance(path, Path):
        with atomic.written_whole(path, overwrite=overwrite) as file:
            yield file
        return
    if not overwrite and path.exists():
        raise PathTaken(f"{path} exists already; choose another name, or ask to overwrite it")
    # What is written in a transaction of the store is thrown away when the block fails.
    with path.fs.transaction, path.fs.open(path.path, "wb") as file:
        yield file
