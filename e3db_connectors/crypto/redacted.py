"""Secrets that do not show: wherever one is printed, logged or formatted, and in tracebacks that list local variables, it reads ``***``.

They are texts and bytes like any other for whatever works on them; only showing and pickling differ.
"""

from __future__ import annotations

from typing import Final, Self

SHOWN: Final = "***"


class SecretText(str):
    """A secret text, such as a private key or an API secret."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Hide *text*; a secret that is hidden already stays what it is."""
        return super().__new__(cls, str.__str__(text))

    def reveal(self) -> str:
        """The text itself, as a plain string."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return SHOWN

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, _spec: str) -> str:
        return SHOWN

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret is not pickled")


class SecretBytes(bytes):
    """Secret bytes, such as an access key."""

    __slots__ = ()

    def __repr__(self) -> str:
        return SHOWN

    def __str__(self) -> str:
        return SHOWN

    def __format__(self, _spec: str) -> str:
        return SHOWN

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret is not pickled")
