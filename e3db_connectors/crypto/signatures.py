"""Ed25519 (protocol sections 2.2 and 4.2): key pairs, and signatures of texts by way of their BLAKE2b hash."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.errors import EncodingError

PUBLIC_SIZE: Final = bindings.crypto_sign_PUBLICKEYBYTES
SEED_SIZE: Final = bindings.crypto_sign_SEEDBYTES
_PRIVATE_SIZE: Final = bindings.crypto_sign_SECRETKEYBYTES
_SIGNATURE_SIZE: Final = bindings.crypto_sign_BYTES


def generate_signing_keypair() -> KeyPair:
    """Make a signing key pair; the private key is seed and public key, 64 bytes."""
    public, private = bindings.crypto_sign_keypair()
    return KeyPair(encoding.encode(public), encoding.encode(private))


def signing_keypair_from_seed(seed: bytes) -> KeyPair:
    """The key pair that follows from a seed of 32 bytes."""
    public, private = bindings.crypto_sign_seed_keypair(seed)
    return KeyPair(encoding.encode(public), encoding.encode(private))


def digest(text: str) -> bytes:
    """The BLAKE2b-256 hash that stands for a text where it is signed."""
    return blake2b(text.encode(), digest_size=32).digest()


def sign(message: bytes, private_signing_key: str) -> str:
    """Sign bytes: the detached signature as base64url.

    Args:
        message: What to sign.
        private_signing_key: 64 bytes, or the 32 of the seed alone, base64url.

    Raises:
        EncodingError: It is no such key.
    """
    return encoding.encode(bindings.crypto_sign(message, _private_bytes(private_signing_key))[:_SIGNATURE_SIZE])


def public_key_of(private_signing_key: str) -> str:
    """The public half, which a private signing key holds behind its seed.

    Raises:
        EncodingError: It is no such key, or its two halves do not belong together.
    """
    key = _private_bytes(private_signing_key)
    public = bindings.crypto_sign_seed_keypair(key[:SEED_SIZE])[0]
    if public != key[SEED_SIZE:]:
        raise EncodingError("the two halves of this private signing key do not belong together")
    return encoding.encode(public)


def verify(message: bytes, signature: str, public_signing_key: str) -> bool:
    """Whether *signature* was made over *message* with the private half of *public_signing_key*.

    Raises:
        EncodingError: Signature or key have another form.
    """
    raw = encoding.decode_exactly(signature, _SIGNATURE_SIZE, what="signature")
    key = encoding.decode_exactly(public_signing_key, PUBLIC_SIZE, what="public signing key")
    try:
        bindings.crypto_sign_open(raw + message, key)
    except CryptoError:
        return False
    return True


def _private_bytes(private_signing_key: str) -> bytes:
    key = SecretBytes(encoding.decode(private_signing_key, what="private signing key"))
    if len(key) == SEED_SIZE:
        return SecretBytes(bindings.crypto_sign_seed_keypair(key)[1])
    if len(key) != _PRIVATE_SIZE:
        raise EncodingError(f"this private signing key has {len(key)} bytes instead of {_PRIVATE_SIZE}")
    return key
