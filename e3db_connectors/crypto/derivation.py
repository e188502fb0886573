"""Keys that follow from a name and a password (protocol section 15)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import pbkdf2_hmac
from typing import Final

from nacl import bindings

from e3db_connectors.crypto import encoding, signatures
from e3db_connectors.crypto.keypair import KeyPair

_ROUNDS: Final = 10_000


@dataclass(frozen=True)
class DerivedIdentity:
    """What a user name, a password and a realm determine.

    Args:
        note_name: Name of the note that holds the client's configuration.
        keys: Encryption key pair (Sodium).
        signing_keys: Signing key pair.
    """

    note_name: str
    keys: KeyPair
    signing_keys: KeyPair


def derive_identity(username: str, password: str, realm: str) -> DerivedIdentity:
    """Derive note name and keys."""
    seed_text = f"{username.lower()}@realm:{realm}"
    public, private = bindings.crypto_box_seed_keypair(_stretch(password, seed_text))
    keys = KeyPair(encoding.encode(public), encoding.encode(private))
    signing_keys = signatures.signing_keypair_from_seed(_stretch(password, keys.public + keys.private))
    return DerivedIdentity(encoding.encode(signatures.digest(seed_text)), keys, signing_keys)


def _stretch(password: str, salt: str) -> bytes:
    return pbkdf2_hmac("sha512", password.encode(), salt.encode(), _ROUNDS, 32)
