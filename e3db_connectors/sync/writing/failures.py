"""Rows that cannot be written (design section 4.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.sync.failures import ErrorPolicy

if TYPE_CHECKING:
    from e3db_connectors.sync.writing.outcomes import RowOutcome


class Failures(ErrorPolicy):
    """What is done about rows that cannot be written; takes what `ErrorPolicy` takes, and the writers of a run share one.

    A line of the dead-letter file holds type, number, blind index and class of error.
    """

    _what_fails = "rows could not be written"

    def add(self, record_type: str, failed: RowOutcome, exc: Exception) -> None:
        """Deal with a row.

        Raises:
            Exception: *exc*, if the run is to end with it.
            TooManyErrors: There were too many already.
        """
        name = f"row {failed.position} of {record_type}" + (f" ({failed.key})" if failed.key else "")
        self._note(exc, name, {"record_type": record_type, "row": failed.position, "key": failed.key})
