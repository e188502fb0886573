"""Many quads at once, in their plain form: their base64 is decoded, or encoded, by one call (protocol section 8.1)."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEALED_KEY_SIZE: Final = 48
"""Bytes of a sealed data key in either suite: 32 and a tag."""

_SEALED_KEY_CHARS: Final = 64
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""The other alphabet and padding become what no decoder takes."""

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")

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


def encode_quads(heads: Iterable[bytes], values: Sequence[bytes], nonce_size: int) -> list[str]:
    """Write quads.

    Args:
        heads: For each quad its sealed data key, that one's nonce and the value's nonce, joined.
        values: The sealed values.
        nonce_size: Bytes of a nonce; a multiple of 3.
    """
    nonce_chars = nonce_size // 3 * 4
    head_chars = _SEALED_KEY_CHARS + 2 * nonce_chars
    data = b"".join([*heads, *(value + bytes(-len(value) % 3) for value in values)])
    text = b2a_base64(data, newline=False).translate(_TO_URL).decode("ascii")
    quads = []
    head, begin = 0, len(values) * head_chars
    for value in values:
        key_nonce = head + _SEALED_KEY_CHARS
        nonce = key_nonce + nonce_chars
        end = begin + (len(value) * 4 + 2) // 3
        sealed_key, head_end = text[head:key_nonce], head + head_chars
        quads.append(f"{sealed_key}.{text[key_nonce:nonce]}.{text[begin:end]}.{text[nonce:head_end]}")
        head, begin = head_end, begin + (len(value) + 2) // 3 * 4
    return quads
