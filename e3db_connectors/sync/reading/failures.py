"""Records that cannot be read (design section 4.6), and reading just these again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import (
    ConfigError,
    Forbidden,
    LocalFileError,
    ResponseInvalid,
    TransportError,
    Unauthorized,
    Unavailable,
    UsageError,
)
from e3db_connectors.sync.failures import ErrorPolicy
from e3db_connectors.sync.rows import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e3db_connectors.errors import E3DBError
    from e3db_connectors.wire.records import Meta

_ID: Final = re.compile(r"[0-9a-fA-F-]{36}", re.ASCII)

_NOT_OF_THE_RECORD: Final = (ConfigError, Forbidden, LocalFileError, ResponseInvalid, TransportError, Unauthorized, Unavailable)
"""Errors that come while a record is opened, for its key or its file has to be fetched, and say nothing about it."""


class RecordFailures(ErrorPolicy):
    """What is done about records that do not open or do not fit; takes what `ErrorPolicy` takes.

    A line of the dead-letter file holds type, record id, version and class of error. `record_ids` reads it.
    """

    _what_fails = "records could not be read"

    def __call__(self, meta: Meta, error: E3DBError) -> None:
        """Deal with a record.

        Raises:
            E3DBError: *error*, if the run is to end with it, or if it is not the record that is bad: to skip it would lose it.
            TooManyErrors: There were too many already.
        """
        if isinstance(error, _NOT_OF_THE_RECORD):
            raise error
        self._add(meta.record_type, meta.record_id, meta.version, error)

    def row(self, record_type: str, row: Mapping[str, Any], error: E3DBError) -> None:
        """Deal with a record that has been read, and whose row does not fit where it is to go.

        Raises:
            E3DBError: *error*, if the run is to end with it.
            TooManyErrors: There were too many already.
        """
        self._add(record_type, row[KEY], row["_e3db_version"], error)

    def _add(self, record_type: str, record_id: str, version: str, error: E3DBError) -> None:
        letter = {"record_type": record_type, "record_id": record_id, "version": version}
        self._note(error, f"record {record_id} of {record_type}", letter)


def record_ids(path: Path) -> list[str]:
    """The ids in a file: a dead-letter file, or one with an id a line.

    Raises:
        LocalFileError: It cannot be read.
        UsageError: A line holds no id.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise LocalFileError(f"cannot read {path}: {getattr(exc, 'strerror', None) or 'it is no text'}") from None
    ids = {_id_of(line): None for line in lines if line.strip()}
    if "" in ids:
        raise UsageError(f"{path} holds a line without the id of a record")
    return list(ids)


def _id_of(line: str) -> str:
    text: Any = line.strip()
    if text.startswith("{"):
        try:
            text = json.loads(text).get("record_id")
        except (ValueError, RecursionError):
            return ""
    return text.lower() if isinstance(text, str) and _ID.fullmatch(text) else ""
