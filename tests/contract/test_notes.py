"""Notes by the client: written, read, replaced, deleted; nothing unsigned is let through."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import msgspec
import pytest

from e3db_connectors import Client, NoteOptions
from e3db_connectors.client.notes import NoteService, decrypt_note, encrypt_note
from e3db_connectors.crypto.access_keys import open_access_key
from e3db_connectors.crypto.fields import seal_field
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError, Conflict, DecryptionError, Forbidden, NotFound, SignatureInvalid, UsageError

DATA = {"subject": "hello", "body": "wo;rld\n日本", "empty": ""}


def keys_of(client):
    return client.config.public_key, client.config.public_signing_key


@pytest.fixture
def name():
    return f"name-{uuid4()}"


def test_a_note_reaches_its_recipient_and_nobody_else(client, stranger):
    written = client.write_note(DATA, *keys_of(stranger), NoteOptions(type="letter", plain={"p": "1"}))
    read = stranger.read_note(written.note_id)
    assert read.data == written.data == DATA
    assert (read.type, read.plain, read.client_id) == ("letter", {"p": "1"}, client.client_id)
    with pytest.raises(NotFound):
        client.read_note(written.note_id)


def test_a_name_finds_the_note_and_is_taken(client, name):
    client.write_note(DATA, *keys_of(client), NoteOptions(id_string=name))
    assert client.read_note_by_name(name).data == DATA
    with pytest.raises(Conflict):
        client.write_note(DATA, *keys_of(client), NoteOptions(id_string=name))


def test_a_note_is_replaced_by_its_name(client, stranger, name):
    first = client.replace_note({"n": "1"}, *keys_of(client), NoteOptions(id_string=name))
    second = client.replace_note({"n": "2"}, *keys_of(client), NoteOptions(id_string=name))
    assert first.note_id != second.note_id
    assert client.read_note_by_name(name).data == {"n": "2"}
    with pytest.raises(NotFound):
        client.read_note(first.note_id)
    with pytest.raises(Forbidden):
        stranger.replace_note({}, *keys_of(client), NoteOptions(id_string=name))
    with pytest.raises(UsageError, match="id_string"):
        client.replace_note({}, *keys_of(client), NoteOptions())


def test_views_are_counted_down(client):
    note_id = client.write_note(DATA, *keys_of(client), NoteOptions(max_views=2)).note_id
    for left in (2, 1):
        assert client.note_views(note_id) == left
        client.read_note(note_id)
    with pytest.raises(NotFound):
        client.read_note(note_id)


@pytest.mark.parametrize("moment", [datetime.now(UTC) - timedelta(days=1), datetime(2001, 1, 1)], ids=["aware", "naive"])
def test_an_expired_note_is_gone(client, moment):
    note_id = client.write_note(DATA, *keys_of(client), NoteOptions(expiration=moment)).note_id
    with pytest.raises(NotFound):
        client.read_note(note_id)


def test_a_note_is_deleted_by_its_writer(client, stranger):
    note_id = client.write_note(DATA, *keys_of(stranger)).note_id
    with pytest.raises((NotFound, Forbidden)):
        stranger.delete_note(note_id)
    client.delete_note(note_id)
    with pytest.raises(NotFound):
        client.delete_note(note_id)


def test_the_writers_key_can_be_pinned(client, stranger):
    note_id = client.write_note(DATA, *keys_of(stranger)).note_id
    assert stranger.read_note(note_id, writer_signing_key=client.config.public_signing_key).data == DATA
    with pytest.raises(SignatureInvalid):
        stranger.read_note(note_id, writer_signing_key=stranger.config.public_signing_key)


@pytest.fixture
def sealed(client):
    return encrypt_note(DATA, *keys_of(client), writer_keys=client.encryption_keys, writer_signing_keys=client.signing_keys)


def add_unsigned(note, client):
    key = open_access_key(SodiumSuite(), note.encrypted_access_key, note.writer_encryption_key, client.config.private_key)
    return {"data": {**note.data, "more": seal_field(SodiumSuite(), key, "unsigned")}}


TAMPERED = {
    "an unsigned field": add_unsigned,
    "exchanged fields": lambda note, _client: {"data": {**note.data, "subject": note.data["body"], "body": note.data["subject"]}},
    "a field of another name": lambda note, _client: {"data": {"other": note.data["subject"]}},
    "no signature": lambda _note, _client: {"signature": ""},
    "another signature": lambda _note, client: {
        "signature": encrypt_note(
            {}, *keys_of(client), writer_keys=client.encryption_keys, writer_signing_keys=client.signing_keys
        ).signature
    },
    "another writer": lambda _note, _client: {"writer_signing_key": Client.generate_signing_keypair().public},
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_is_not_the_writers_is_refused(name, client, sealed):
    assert decrypt_note(sealed, client.config.private_key).data == DATA
    tampered = msgspec.structs.replace(sealed, **TAMPERED[name](sealed, client))
    with pytest.raises(SignatureInvalid):
        decrypt_note(tampered, client.config.private_key)
    stored = NoteService(client._transport, client._signed()).write(tampered) if name not in {"no signature", "another writer"} else None
    if stored:
        with pytest.raises(SignatureInvalid):
            client.read_note(stored.note_id)


def test_another_key_opens_no_note(sealed):
    with pytest.raises(DecryptionError):
        decrypt_note(sealed, Client.generate_keypair().private)


def test_fields_are_texts(client):
    with pytest.raises(UsageError, match="text"):
        client.write_note({"a": 1}, *keys_of(client))


def test_credentials_without_what_notes_need_are_refused(client, server, registration_token):
    with (
        Client(Client.register(registration_token, "nist", api_url=server.url, crypto_suite="nist").config) as nist,
        pytest.raises(ConfigError, match="Sodium"),
    ):
        nist.write_note(DATA, *keys_of(client))
    public, private = Client.generate_keypair()
    unsigned = Client.register(registration_token, "unsigned", public, private_key=private, api_url=server.url)
    with Client(unsigned.config) as made, pytest.raises(ConfigError, match="no signing key"):
        made.write_note(DATA, *keys_of(client))
