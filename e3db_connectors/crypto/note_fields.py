"""Signed fields of notes: ``version;salt;length;signature`` and the value (protocol section 14.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e3db_connectors.crypto import encoding, signatures
from e3db_connectors.errors import EncodingError, SignatureInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "e7737e7c-1637-511e-8bab-93c4f3e26fd9"
SIGNATURE_FIELD: Final = "signature"
"""The name under which a note's salt is signed."""


def sign_field(name: str, value: str, salt: str, private_signing_key: str) -> str:
    """Sign one value under its name."""
    signature = signatures.sign(_message(name, value, salt), private_signing_key)
    return f"{VERSION};{salt};{len(signature)};{signature}{value}"


def verify_field(name: str, signed: str, salt: str | None, public_signing_key: str) -> tuple[str, str]:
    """Check one signed value.

    Args:
        name: The field's name.
        signed: The signed text.
        salt: The salt that it has to carry; None: any.
        public_signing_key: Of the writer.

    Returns:
        The value and the salt that it carries.

    Raises:
        SignatureInvalid: It is not signed, or not like this.
    """
    try:
        version, found_salt, length, rest = signed.split(";", 3)
        size = int(length)
    except ValueError:
        raise SignatureInvalid(f"the note's field {name} is not signed") from None
    if version != VERSION or (salt is not None and found_salt != salt) or not 0 < size <= len(rest):
        raise SignatureInvalid(f"the note's field {name} is not signed for this note")
    signature, value = rest[:size], rest[size:]
    try:
        genuine = signatures.verify(_message(name, value, found_salt), signature, public_signing_key)
    except EncodingError:
        genuine = False
    if not genuine:
        raise SignatureInvalid(f"the signature of the note's field {name} is not its writer's")
    return value, found_salt


def sign_note(data: Mapping[str, str], salt: str, private_signing_key: str) -> tuple[dict[str, str], str]:
    """Sign all fields of a note; returns them and the note's own signature, which vouches for the salt."""
    signed = {name: sign_field(name, value, salt, private_signing_key) for name, value in data.items()}
    return signed, sign_field(SIGNATURE_FIELD, salt, salt, private_signing_key)


def verify_note(signed: Mapping[str, str], signature: str, public_signing_key: str) -> dict[str, str]:
    """Check a note's signature and all its fields; returns the values.

    Raises:
        SignatureInvalid: One of them is not genuine, or not of this note.
    """
    salt, _ = verify_field(SIGNATURE_FIELD, signature, None, public_signing_key)
    return {name: verify_field(name, text, salt, public_signing_key)[0] for name, text in signed.items()}


def _message(name: str, value: str, salt: str) -> bytes:
    # The base64url text of the hash is signed, unlike the raw hash of a TSV1 request.
    return encoding.encode(signatures.digest(salt + name + value)).encode()
