"""What callers may pass: one text, one id or many; checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from e3db_connectors.errors import UsageError

Texts = str | UUID | Iterable[str | UUID] | None
"""One text or id, or several, or none."""

ALL_WRITERS: Final = "all"
"""As `writer` of a query: our own records and all that others share with us."""


def texts(values: Texts) -> list[str]:
    """A list of texts; a single one need not stand in a list.

    Raises:
        UsageError: A value is neither text nor id.
    """
    if values is None:
        return []
    if isinstance(values, (str, UUID)):
        return [str(values)]
    found = list(values)
    for value in found:
        if not isinstance(value, (str, UUID)):
            raise UsageError(f"ids and names are text or UUID, not {type(value).__name__}")
    return [str(value) for value in found]


def require_text(values: Mapping[Any, Any], what: str) -> None:
    """Let pass what maps text to text.

    Raises:
        UsageError: A name or value is something else; the message names the member, and never shows the value.
    """
    if not isinstance(values, Mapping):
        raise UsageError(f"{what} maps text to text; it is {type(values).__name__}")
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(f"{what} maps text to text; the value of {name!r} is {type(value).__name__}")
        try:
            (name + value).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{what}: the value of {name!r} holds half a character (a lone surrogate)") from None
