"""What a cipher suite can do; the client works with any (protocol section 2.3)."""

from typing import Protocol

from e3db_connectors.crypto.keypair import KeyPair


class CipherSuite(Protocol):
    """Symmetric encryption and the wrapping of access keys, on bytes."""

    key_map_name: str
    """The public key's name in a key map: ``curve25519`` or ``p384``."""

    nonce_size: int
    """Bytes of a nonce, in symmetric use and in wrapping."""

    tag_size: int
    """Bytes that encryption adds."""

    def generate_keypair(self) -> KeyPair:
        """Make a new encryption key pair."""
        ...

    def public_key_of(self, private_key: str) -> str:
        """The public key that belongs to *private_key*."""
        ...

    def seal(self, key: bytes, plaintext: bytes, nonce: bytes) -> bytes:
        """Encrypt under a 32-byte *key*."""
        ...

    def open(self, key: bytes, ciphertext: bytes, nonce: bytes) -> bytes:
        """Decrypt; raises `DecryptionError` when the tag does not fit."""
        ...

    def wrap(self, access_key: bytes, reader_public: str, own_private: str, nonce: bytes) -> bytes:
        """Encrypt an access key for a reader."""
        ...

    def unwrap(self, wrapped: bytes, authorizer_public: str, own_private: str, nonce: bytes) -> bytes:
        """Decrypt an access key that an authorizer wrapped for us."""
        ...
