"""Credentials files: where a profile's file is, and how one is read and made (protocol section 16)."""

from __future__ import annotations

import json
import logging
import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

_log = logging.getLogger(__name__)


def profile_path(profile: str | None = None, *, home: Path | None = None) -> Path:
    """The file of a profile: ``~/.tozny/e3db.json`` or ``~/.tozny/<profile>/e3db.json``."""
    if profile and (profile in {".", ".."} or "/" in profile or "\\" in profile):
        raise ConfigError("a profile is a plain name, not a path; use credentials_file for a path")
    try:
        folder = (home or Path.home()) / ".tozny"
    except RuntimeError:
        raise ConfigError("there is no home folder for a profile; use credentials_file") from None
    return (folder / profile if profile else folder) / "e3db.json"


def read_values(path: Path) -> dict[str, Any]:
    """The members of a credentials file; warns if others can read it too.

    Raises:
        ConfigError: If it is not there, not readable or no JSON object.
    """
    try:
        text = SecretText(path.read_text(encoding="utf-8"))
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ConfigError(f"there is no credentials file {path}") from None
    except (OSError, ValueError) as exc:
        raise ConfigError(f"cannot read the credentials file {path}: {getattr(exc, 'strerror', 'no UTF-8 text')}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        _log.warning("%s holds private keys and others can read it; run: chmod 600 %s", path, path)
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigError(f"the credentials file {path} is no JSON") from None
    if not isinstance(values, dict):
        del values  # a traceback that lists local variables would show it
        raise ConfigError(f"the credentials file {path} holds no JSON object")
    return values


@contextmanager
def reserved(path: Path) -> Iterator[TextIO]:
    """A new file that only its owner can read; it is gone again if what is to be written into it fails.

    Raises:
        ConfigError: If it exists already or cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError(f"{path} exists already; credentials are never overwritten, choose another place") from None
    except (OSError, ValueError) as exc:
        raise ConfigError(f"cannot write {path}: {getattr(exc, 'strerror', 'no possible name')}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise
