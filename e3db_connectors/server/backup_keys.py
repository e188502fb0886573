"""Public keys of the backup client: those that the server is told, and those that stand in for them (protocol section 2.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import ConfigError, EncodingError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURVE25519: Final = "curve25519"
_P384: Final = "p384"
NAMES: Final = (_CURVE25519, _P384)
"""The keys' names in a key map, one for each suite of clients."""

_CURVE25519_SIZE: Final = 32
_REFUSED: Final = "--backup-public-key must be a public key as clients write it: of Curve25519 (43 characters), or of P-384"


def parse(texts: Iterable[str]) -> dict[str, str]:
    """Find out what keys these are.

    Args:
        texts: The keys as clients write them, of each kind one at most.

    Returns:
        The keys by their names.

    Raises:
        ConfigError: A text is no public key, or there are two of a kind.
    """
    found: dict[str, str] = {}
    for text in texts:
        name = _name_of(text)
        if name in found:
            raise ConfigError(f"--backup-public-key is given twice for {name}")
        found[name] = text
    return found


def make(name: str) -> str:
    """A public key of which nobody has the private half: it is not kept."""
    from cryptography.hazmat.primitives.asymmetric import ec, x25519
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if name == _CURVE25519:
        return encoding.encode(x25519.X25519PrivateKey.generate().public_key().public_bytes_raw())
    key = ec.generate_private_key(ec.SECP384R1()).public_key()
    return encoding.encode(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _name_of(text: str) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        raw = encoding.decode(text)
        if len(raw) == _CURVE25519_SIZE and any(raw):
            return _CURVE25519
        key = load_pem_public_key(raw)
    except (EncodingError, UnsupportedAlgorithm, ValueError):
        raise ConfigError(_REFUSED) from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise ConfigError(_REFUSED)
    return _P384
