"""The Sodium suite: X25519 and XSalsa20-Poly1305 (protocol section 2.3)."""

from typing import Final

from nacl import bindings
from nacl.exceptions import CryptoError

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.errors import DecryptionError

_PUBLIC_SIZE: Final = bindings.crypto_box_PUBLICKEYBYTES
_PRIVATE_SIZE: Final = bindings.crypto_box_SECRETKEYBYTES


class SodiumSuite:
    """See `CipherSuite`."""

    key_map_name: str = "curve25519"
    nonce_size: int = bindings.crypto_secretbox_NONCEBYTES
    tag_size: int = bindings.crypto_secretbox_MACBYTES

    def generate_keypair(self) -> KeyPair:
        """Make a new X25519 key pair."""
        public, private = bindings.crypto_box_keypair()
        return KeyPair(encoding.encode(public), encoding.encode(private))

    def public_key_of(self, private_key: str) -> str:
        """Multiply with the base point."""
        private = SecretBytes(encoding.decode_exactly(private_key, _PRIVATE_SIZE, what="private key"))
        return encoding.encode(bindings.crypto_scalarmult_base(private))

    def seal(self, key: bytes, plaintext: bytes, nonce: bytes) -> bytes:
        """Secretbox; the tag stands in front."""
        return bindings.crypto_secretbox(plaintext, nonce, key)

    def open(self, key: bytes, ciphertext: bytes, nonce: bytes) -> bytes:
        """Open a secretbox."""
        try:
            return bindings.crypto_secretbox_open(ciphertext, nonce, key)
        except (CryptoError, ValueError):
            raise DecryptionError("cipher text does not open with this key") from None

    def wrap(self, access_key: bytes, reader_public: str, own_private: str, nonce: bytes) -> bytes:
        """crypto_box."""
        public, private = _key_bytes(reader_public, own_private)
        return bindings.crypto_box(access_key, nonce, public, private)

    def unwrap(self, wrapped: bytes, authorizer_public: str, own_private: str, nonce: bytes) -> bytes:
        """Open a crypto_box."""
        public, private = _key_bytes(authorizer_public, own_private)
        try:
            return bindings.crypto_box_open(wrapped, nonce, public, private)
        except (CryptoError, ValueError):
            raise DecryptionError("the access key does not open with this client's private key") from None


def _key_bytes(public_key: str, private_key: str) -> tuple[bytes, bytes]:
    public = encoding.decode_exactly(public_key, _PUBLIC_SIZE, what="public key")
    return public, SecretBytes(encoding.decode_exactly(private_key, _PRIVATE_SIZE, what="private key"))
