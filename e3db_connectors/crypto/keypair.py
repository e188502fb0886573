"""Key pairs as the protocol writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.crypto.redacted import SecretText

if TYPE_CHECKING:
    from collections.abc import Iterator


class KeyPair:
    """A public and a private key, base64url; the private one never shows.

    It unpacks to (public, private).
    """

    __slots__ = ("private", "public")

    def __init__(self, public: str, private: str) -> None:
        """Keep both texts."""
        self.public, self.private = public, SecretText(private)

    def __iter__(self) -> Iterator[str]:
        """Unpack."""
        return iter((self.public, self.private))

    def __repr__(self) -> str:
        """The public half only."""
        return f"KeyPair(public={self.public!r})"

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a key pair is not pickled")
