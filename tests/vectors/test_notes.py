"""Notes, their signed fields, and derived identities, against vectors that existing clients made."""

import json
from pathlib import Path

import msgspec
import pytest

from e3db_connectors.client.notes import decrypt_note
from e3db_connectors.crypto import derivation, encoding, note_fields
from e3db_connectors.errors import IntegrityError, SignatureInvalid
from e3db_connectors.wire.notes import Note

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
GOOD = VECTORS["notes"]["good"][0]
WRITER = VECTORS["sodium"]["clients"][0]
MADE = [GOOD, VECTORS["from_js"]["note"]]
NEGATIVE = [vector for vector in VECTORS["negative"] if vector["kind"] == "note"]


@pytest.mark.parametrize("vector", MADE, ids=["python", "javascript"])
def test_notes_open(vector):
    recipient = next(client for client in VECTORS["sodium"]["clients"] if client["name"] == vector["recipient"])
    note = msgspec.convert(vector["sent_json"], Note)
    assert decrypt_note(note, recipient["private_key"], writer_signing_key=note.writer_signing_key).data == vector["plaintext"]


@pytest.mark.parametrize("vector", NEGATIVE, ids=lambda vector: vector["name"])
def test_spoilt_notes_are_refused(vector):
    with pytest.raises(IntegrityError):
        decrypt_note(msgspec.convert(vector["note"], Note), vector["recipient_private_key"])


@pytest.mark.parametrize("vector", VECTORS["field_signing"], ids=lambda vector: vector["value"][:8])
def test_fields_are_signed_to_the_same_text(vector):
    signed = note_fields.sign_field(vector["key"], vector["value"], vector["salt"], vector["private_signing_key"])
    assert signed == vector["signed"]
    assert note_fields.verify_field(vector["key"], signed, vector["salt"], vector["public_signing_key"]) == (
        vector["value"],
        vector["salt"],
    )


def test_the_fields_of_a_note_verify():
    signed = GOOD["decrypted_fields_with_signature_prefix"]
    assert note_fields.verify_note(signed, GOOD["sent_json"]["signature"], GOOD["writer_public_signing_key"]) == GOOD["plaintext"]


def test_signed_notes_verify_and_their_fields_cannot_be_exchanged():
    signed, signature = note_fields.sign_note({"a": "1;2", "b": ""}, "salt-of-one-note", WRITER["private_signing_key"])
    assert note_fields.verify_note(signed, signature, WRITER["public_signing_key"]) == {"a": "1;2", "b": ""}
    with pytest.raises(SignatureInvalid, match="field a"):
        note_fields.verify_note({"a": signed["b"], "b": signed["a"]}, signature, WRITER["public_signing_key"])


def test_fields_of_two_notes_cannot_be_mixed():
    one, signature = note_fields.sign_note({"a": "1"}, "salt-one", WRITER["private_signing_key"])
    other, _ = note_fields.sign_note({"a": "1"}, "salt-two", WRITER["private_signing_key"])
    assert one != other
    with pytest.raises(SignatureInvalid):
        note_fields.verify_note(other, signature, WRITER["public_signing_key"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unsigned",
        note_fields.VERSION,
        f"{note_fields.VERSION};s;86;short",
        f"{note_fields.VERSION};s;x;y",
        f"{note_fields.VERSION};s;-1;y",
    ],
)
def test_what_is_not_signed_is_refused(text):
    with pytest.raises(SignatureInvalid):
        note_fields.verify_field("a", text, None, WRITER["public_signing_key"])


@pytest.mark.parametrize("vector", VECTORS["identity_derivation"], ids=lambda vector: vector["realm"])
def test_identities_follow_from_name_and_password(vector):
    derived = derivation.derive_identity(vector["username"], vector["password"], vector["realm"])
    assert derived.note_name == vector["note_name"]
    assert list(derived.keys) == [vector["public_key"], vector["private_key"]]
    assert list(derived.signing_keys) == [vector["public_signing_key"], vector["private_signing_key"]]
    assert encoding.decode(derived.keys.private)
