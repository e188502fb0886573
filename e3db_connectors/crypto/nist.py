"""The NIST suite: P-384, HKDF-SHA-384 and AES-256-GCM (protocol section 2.3)."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.errors import DecryptionError, EncodingError

_WRAP_KEY_SIZE: Final = 32


class NistSuite:
    """See `CipherSuite`. Keys are base64url of PEM texts."""

    key_map_name: str = "p384"
    nonce_size: int = 12
    tag_size: int = 16

    def generate_keypair(self) -> KeyPair:
        """Make a new P-384 key pair."""
        private = ec.generate_private_key(ec.SECP384R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return KeyPair(_public_text(private.public_key()), encoding.encode(pem))

    def public_key_of(self, private_key: str) -> str:
        """The public half as PEM."""
        return _public_text(_load_private(private_key).public_key())

    def seal(self, key: bytes, plaintext: bytes, nonce: bytes) -> bytes:
        """AES-256-GCM; the tag stands behind."""
        return AESGCM(key).encrypt(nonce, plaintext, None)

    def open(self, key: bytes, ciphertext: bytes, nonce: bytes) -> bytes:
        """Open an AES-256-GCM cipher text."""
        try:
            return AESGCM(key).decrypt(nonce, ciphertext, None)
        except (InvalidTag, ValueError):
            raise DecryptionError("cipher text does not open with this key") from None

    def wrap(self, access_key: bytes, reader_public: str, own_private: str, nonce: bytes) -> bytes:
        """Seal under the key that both sides agree on."""
        return self.seal(_agree(reader_public, own_private), access_key, nonce)

    def unwrap(self, wrapped: bytes, authorizer_public: str, own_private: str, nonce: bytes) -> bytes:
        """Open what the authorizer sealed under that key."""
        try:
            return self.open(_agree(authorizer_public, own_private), wrapped, nonce)
        except DecryptionError:
            raise DecryptionError("the access key does not open with this client's private key") from None


def _agree(public_key: str, private_key: str) -> bytes:
    shared = _load_private(private_key).exchange(ec.ECDH(), _load_public(public_key))
    return HKDF(algorithm=SHA384(), length=_WRAP_KEY_SIZE, salt=None, info=b"").derive(shared)


def _public_text(key: ec.EllipticCurvePublicKey) -> str:
    return encoding.encode(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _load_private(text: str) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(encoding.decode(text, what="private key"), password=None)
    except (ValueError, TypeError):
        raise EncodingError("this private key is no PEM text of a P-384 key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP384R1):
        raise EncodingError("this private key is no P-384 key")
    return key


def _load_public(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_pem_public_key(encoding.decode(text, what="public key"))
    except ValueError:
        raise EncodingError("this public key is no PEM text of a P-384 key") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP384R1):
        raise EncodingError("this public key is no P-384 key")
    return key
