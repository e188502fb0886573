"""Notes: what one program writes for somebody the other reads, through our server."""

import uuid

import pytest

from e3db_connectors import errors
from e3db_connectors.client.notes import NoteOptions, write_anonymous_note
from e3db_connectors.crypto.signatures import generate_signing_keypair
from e3db_connectors.crypto.sodium import SodiumSuite

SDKS = ["python", "js"]
DATA = {"lyrics": "What a wonderful world", "empty": "", "text": "one;two;three 🗝"}
PLAIN = {"kind": "greeting"}


def _keys(client):
    return {"encryption_key": client.config.public_key, "signing_key": client.config.public_signing_key}


@pytest.fixture
def name():
    """A name for a note; names are global."""
    return f"note-{uuid.uuid4()}"


@pytest.mark.parametrize("sdk", SDKS)
def test_we_read_what_they_write(other, theirs, name):
    note_id = theirs.write_note(data=DATA, **_keys(other), options={"id_string": name, "plain": PLAIN, "note_type": "song"})["note_id"]
    note = other.read_note(note_id)
    assert (note.data, note.plain, note.type) == (DATA, PLAIN, "song")


@pytest.mark.parametrize("sdk", SDKS)
def test_they_read_what_we_write(client, other, their_other, name):
    options = NoteOptions(id_string=name, type="song", plain=PLAIN)
    note = client.write_note(DATA, other.config.public_key, other.config.public_signing_key, options)
    assert their_other.read_note(note_id=note.note_id) == {"data": DATA, "plain": PLAIN, "type": "song"}
    assert their_other.read_note_by_name(name=name)["data"] == DATA


@pytest.mark.parametrize(("writer", "reader"), [(writer, reader) for writer in SDKS for reader in SDKS])
def test_they_read_what_they_write(client, other, original, name, writer, reader):
    options = {"id_string": name, "plain": PLAIN, "note_type": "song"}
    note_id = original(writer, client.config).write_note(data=DATA, **_keys(other), options=options)["note_id"]
    reading = original(reader, other.config)
    assert reading.read_note(note_id=note_id) == {"data": DATA, "plain": PLAIN, "type": "song"}
    assert reading.read_note_by_name(name=name)["data"] == DATA


@pytest.mark.parametrize("sdk", SDKS)
def test_only_the_recipient_reads(server, other, theirs, original, sdk, original_failed):
    note_id = theirs.write_note(data=DATA, **_keys(other), options={})["note_id"]
    with server.register("third") as third:
        with pytest.raises(original_failed):
            original(sdk, third.config).read_note(note_id=note_id)
        with pytest.raises(errors.NotFound):
            third.read_note(note_id)


@pytest.mark.parametrize("sdk", SDKS)
def test_nobody_in_particular_writes(server, other, their_other, original, sdk):
    theirs = original(sdk).write_anonymous_note(data=DATA, **_keys(other), options={}, api_url=server.url)
    assert other.read_note(theirs["note_id"]).data == DATA
    keys = SodiumSuite().generate_keypair(), generate_signing_keypair()
    ours = write_anonymous_note(DATA, other.config.public_key, other.config.public_signing_key, *keys, api_url=server.url)
    assert their_other.read_note(note_id=ours.note_id)["data"] == DATA


@pytest.mark.parametrize("sdk", SDKS)
def test_nobody_in_particular_reads(server, client, other, original, sdk):
    note = client.write_note(DATA, other.config.public_key, other.config.public_signing_key)
    names = ("public_key", "private_key", "public_signing_key", "private_signing_key")
    keys = {name: value for name, value in other.config().items() if name in names}
    assert original(sdk).read_anonymous_note(note_id=note.note_id, api_url=server.url, **keys)["data"] == DATA


@pytest.mark.parametrize("sdk", SDKS)
def test_a_name_is_taken_once(other, theirs, name, original_failed):
    theirs.write_note(data=DATA, **_keys(other), options={"id_string": name})
    with pytest.raises(original_failed, match=r"409|[Cc]onflict"):
        theirs.write_note(data=DATA, **_keys(other), options={"id_string": name})


@pytest.mark.parametrize("sdk", SDKS)
def test_views_run_out(other, theirs, their_other, original_failed):
    note_id = theirs.write_note(data=DATA, **_keys(other), options={"max_views": 2})["note_id"]
    for _ in range(2):
        assert their_other.read_note(note_id=note_id)["data"] == DATA
    with pytest.raises(original_failed):
        their_other.read_note(note_id=note_id)


def test_javascript_replaces_and_deletes(client, other, original, name, original_failed):
    writing, reading = original("js", client.config), original("js", other.config)
    first = writing.write_note(data=DATA, **_keys(other), options={"id_string": name})["note_id"]
    second = writing.replace_note(data={"lyrics": "changed"}, **_keys(other), options={"id_string": name})["note_id"]
    assert second != first
    assert reading.read_note_by_name(name=name)["data"] == {"lyrics": "changed"}
    with pytest.raises(original_failed):
        reading.read_note(note_id=first)
    writing.delete_note(note_id=second)
    with pytest.raises(original_failed):
        reading.read_note_by_name(name=name)
