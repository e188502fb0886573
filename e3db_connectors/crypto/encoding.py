"""base64url without padding, as everywhere in the protocol (section 2.1)."""

import binascii
from base64 import urlsafe_b64encode
from typing import Final

from e3db_connectors.errors import EncodingError

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_PADDING: Final = ("", "===", "==", "=")
"""By the length of a text, modulo 4; three make a length that cannot be an error."""


def encode(data: bytes) -> str:
    """Write *data* as unpadded base64url."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str, *, what: str = "value") -> bytes:
    """Read base64url, padded or not.

    Args:
        text: The text; any character outside the alphabet is an error.
        what: What the text is, for the error's message; never the text itself.

    Raises:
        EncodingError: If *text* is no base64url.
    """
    bare = text
    if "=" in text:
        bare = text[:-2] + text[-2:].rstrip("=")
    if "+" in bare or "/" in bare or "=" in bare:
        raise EncodingError(f"this {what} is no base64url text")
    try:
        return binascii.a2b_base64(bare.translate(_TO_STANDARD) + _PADDING[len(bare) % 4], strict_mode=True)
    except ValueError:
        raise EncodingError(f"this {what} is no base64url text") from None


def decode_exactly(text: str, size: int, *, what: str) -> bytes:
    """Like `decode`, for a value of a known *size* in bytes.

    Raises:
        EncodingError: If *text* is no base64url or has another length.
    """
    data = decode(text, what=what)
    if len(data) != size:
        raise EncodingError(f"this {what} has {len(data)} bytes instead of {size}")
    return data
