"""Many quads at once, in their plain form: their base64 is decoded by one call (protocol section 8.1)."""

from __future__ import annotations

from binascii import a2b_base64
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

SEALED_KEY_SIZE: Final = 48
"""Bytes of a sealed data key in either suite: 32 and a tag."""

_SEALED_KEY_CHARS: Final = 64
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""The other alphabet and padding become what no decoder takes."""

_FILLING: Final = ("", "!", "AA", "A")
"""By the length of a value's text, modulo 4: up to whole groups, which decode to a few bytes too many; "!" where no filling can help."""


def decode_quads(quads: Iterable[str], nonce_size: int) -> tuple[bytes, list[int]] | None:
    """The parts of quads, or None unless each has four parts of the right sizes, in base64url without padding.

    Args:
        quads: The quads of one suite.
        nonce_size: Bytes of its nonces; a multiple of 3.

    Returns:
        One text of bytes: for each quad its sealed data key, that one's nonce and the value's nonce; then the sealed values,
        each filled up to a multiple of 3 bytes. And the sizes of the sealed values.
    """
    nonce_chars = nonce_size // 3 * 4
    heads: list[str] = []
    values: list[str] = []
    sizes: list[int] = []
    try:
        for quad in quads:
            sealed_key, key_nonce, sealed, nonce = quad.split(".")
            if len(sealed_key) != _SEALED_KEY_CHARS or len(key_nonce) != nonce_chars or len(nonce) != nonce_chars:
                return None
            length = len(sealed)
            heads += (sealed_key, key_nonce, nonce)
            values.append(sealed + _FILLING[length % 4])
            sizes.append(length * 3 // 4)
        return a2b_base64("".join(heads + values).encode("ascii").translate(_TO_STANDARD), strict_mode=True), sizes
    except ValueError:
        return None
