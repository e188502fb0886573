"""What is done about what fails: settings that tap and target share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from e3db_connectors.sync.failures import MAX_ERRORS, ON_ERROR

if TYPE_CHECKING:
    from singer_sdk.typing import Property


def failure_settings(*, one: str, many: str, letter: str) -> tuple[Property, ...]:
    """The settings.

    Args:
        one: What can fail, in words: *what ... does*.
        many: The same: *more ... than these*.
        letter: What a line of the dead-letter file holds, and what it is good for.
    """
    return (
        th.Property(
            "on_error",
            th.StringType,
            allowed_values=list(ON_ERROR),
            default="fail",
            title="On error",
            description=f"What {one} does: `fail` ends the run, `skip` leaves it out, `dead_letter` as well and names it in the "
            "dead-letter file.",
        ),
        th.Property(
            "max_errors",
            th.IntegerType(minimum=0),
            default=MAX_ERRORS,
            title="Most errors",
            description=f"More {many} than these end the run anyway.",
        ),
        th.Property(
            "dead_letter_file",
            th.StringType,
            title="Dead-letter file",
            description=f"For `on_error: dead_letter`: a JSON object a line with {letter}",
        ),
    )
