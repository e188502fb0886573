"""Rows that cannot be written: one bad row stops a run neither silently nor entirely (design section 4.6)."""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from e3db_connectors.errors import ConfigError, LocalFileError, TooManyErrors

if TYPE_CHECKING:
    from pathlib import Path

    from e3db_connectors.sync.writing.outcomes import RowOutcome

ON_ERROR: Final = ("fail", "skip", "dead_letter")
"""What can be done about a row that cannot be written."""

MAX_ERRORS: Final = 100

_log = logging.getLogger(__name__)


class Failures:
    """What is done about rows that cannot be written; the writers of a run share one.

    Args:
        on_error: ``fail``: the run ends with the first. ``skip``: it is logged and left out. ``dead_letter``: as well, and named
            in a file.
        max_errors: More than these end the run anyway.
        dead_letter_file: The file: a JSON object a line with type, number, blind index and class of error, never a value.

    Raises:
        ConfigError: What was passed does not go together.
        LocalFileError: The file cannot be written.
    """

    def __init__(self, on_error: str = "fail", max_errors: int = MAX_ERRORS, dead_letter_file: Path | None = None) -> None:
        """Open the file, if there is one: a run should not find out at its first bad row that it cannot."""
        if on_error not in ON_ERROR:
            raise ConfigError(f"on_error is one of {', '.join(ON_ERROR)}")
        if max_errors < 0:
            raise ConfigError("max_errors must not be negative")
        if (on_error == "dead_letter") != (dead_letter_file is not None):
            raise ConfigError("dead_letter_file goes with on_error: dead_letter, and the other way round")
        self._on_error, self._max_errors, self._file = on_error, max_errors, dead_letter_file
        self._lines: list[bytes] = []
        self.classes: Counter[str] = Counter()
        self._append(b"")

    def add(self, record_type: str, failed: RowOutcome, exc: Exception) -> None:
        """Deal with a row.

        Raises:
            Exception: *exc*, if the run is to end with it.
            TooManyErrors: There were too many already.
        """
        self.classes[failed.error or ""] += 1
        level = logging.INFO if self._on_error == "fail" else logging.WARNING  # the error that ends a run is told by whoever ran it
        _log.log(level, "row %d of %s%s: %s", failed.position, record_type, f" ({failed.key})" if failed.key else "", failed.error)
        if self._on_error == "fail":
            raise exc
        line = {"record_type": record_type, "row": failed.position, "key": failed.key, "error": failed.error}
        self._lines.append(msgspec.json.encode(line) + b"\n")
        if self.classes.total() > self._max_errors:
            self.flush()
            raise TooManyErrors(f"more than {self._max_errors} rows could not be written; the last one: {failed.error}") from exc

    def flush(self) -> None:
        """Store what has failed: until then, no row after it counts as written."""
        lines, self._lines = self._lines, []
        if lines:
            self._append(b"".join(lines))

    def _append(self, lines: bytes) -> None:
        if self._file is None:
            return
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with open(descriptor, "ab") as file:  # noqa: PTH123 - Path.open takes no descriptor, and so no mode from the start
                file.write(lines)
                file.flush()
                os.fsync(descriptor)
        except OSError as exc:
            raise LocalFileError(f"cannot write the dead-letter file: {exc.strerror}") from None
