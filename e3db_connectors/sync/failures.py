"""What is done about rows and records that cannot be written or read: a bad one stops a run neither silently nor entirely.

The rules of design section 4.6, in one place; `writing.failures` and `reading.failures` say how a row and a record are named.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec

from e3db_connectors.errors import ConfigError, LocalFileError, TooManyErrors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ON_ERROR: Final = ("fail", "skip", "dead_letter")
"""What can be done."""

MAX_ERRORS: Final = 100

_log = logging.getLogger(__name__)


class ErrorPolicy:
    """What is done about what fails; all that takes part in a run shares one.

    Args:
        on_error: ``fail``: the run ends with the first. ``skip``: it is logged and left out. ``dead_letter``: as well, and named
            in a file.
        max_errors: More than these end the run anyway.
        dead_letter_file: The file: a JSON object a line that says which one and the class of error, never a value.

    Raises:
        ConfigError: What was passed does not go together.
        LocalFileError: The file cannot be written.
    """

    _what_fails: ClassVar[str]
    """In words: more than so many ..."""

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

    def flush(self) -> None:
        """Store what has failed: until then, nothing after it counts as done."""
        lines, self._lines = self._lines, []
        if lines:
            self._append(b"".join(lines))

    def _note(self, error: Exception, name: str, letter: Mapping[str, Any]) -> None:
        """Deal with one that has failed.

        Args:
            error: Why.
            name: Which one, for the log.
            letter: Which one, for the file.

        Raises:
            Exception: *error*, if the run is to end with it.
            TooManyErrors: There were too many already.
        """
        kind = type(error).__name__
        self.classes[kind] += 1
        level = logging.INFO if self._on_error == "fail" else logging.WARNING  # the error that ends a run is told by whoever ran it
        _log.log(level, "%s: %s", name, kind)
        if self._on_error == "fail":
            raise error
        self._lines.append(msgspec.json.encode({**letter, "error": kind}) + b"\n")
        if self.classes.total() > self._max_errors:
            self.flush()
            raise TooManyErrors(f"more than {self._max_errors} {self._what_fails}; the last one: {kind}") from error

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
