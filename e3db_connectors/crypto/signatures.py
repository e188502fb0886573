"""Ed25519 signing keys (protocol section 2.2)."""

from nacl import bindings

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.suite import KeyPair


def generate_signing_keypair() -> KeyPair:
    """Make a signing key pair; the private key is seed and public key, 64 bytes."""
    public, private = bindings.crypto_sign_keypair()
    return KeyPair(encoding.encode(public), encoding.encode(private))
