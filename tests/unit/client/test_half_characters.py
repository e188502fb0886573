"""Half a character (a lone surrogate) in any text that a caller passes: an error of ours, before anything is sent."""

import io

import pytest

from e3db_connectors import Client, NoteOptions, Record, Search
from e3db_connectors.errors import LocalFileError, UsageError

HALF = "t\ud800"
OTHER = "00000000-0000-4000-8000-000000000000"

DOORS = {
    "a query's type": lambda client: client.query(record_type=HALF),
    "a query's writer": lambda client: client.query(writer=HALF),
    "a query's expression": lambda client: list(client.query_all(plain={"eq": {"name": HALF, "value": "v"}})),
    "a search's type": lambda client: client.search(Search().match(record_types=[HALF])),
    "a search's value": lambda client: list(client.search_all(Search().exclude(values=[HALF]))),
    "a zone": lambda client: client.search(Search().range(start=0, zone=HALF)),
    "a record's type": lambda client: client.write(HALF, {}),
    "a field's name": lambda client: client.write("t", {HALF: "v"}),
    "a plain value": lambda client: client.write("t", {}, {"n": HALF}),
    "an operation": lambda client: client.write("t", {}, operation_id=HALF),
    "an id": lambda client: client.read(HALF),
    "a field to read": lambda client: client.read(client.client_id, fields=[HALF]),
    "ids": lambda client: client.read_batch([HALF]),
    "ids to delete": lambda client: client.delete_batch([HALF]),
    "an id to delete": lambda client: client.delete(HALF),
    "a version": lambda client: client.delete(client.client_id, HALF),
    "a changed field": lambda client: client.update(Record(client.write("t", {}).meta, {"n": HALF})),
    "a file's type": lambda client: client.write_file(HALF, io.BytesIO(b"body")),
    "a file's name": lambda client: client.write_file("t", HALF),
    "a file's id": lambda client: client.read_file(HALF, io.BytesIO()),
    "a shared type": lambda client: client.share(HALF, OTHER),
    "a reader": lambda client: client.share("t", HALF),
    "a revoked reader": lambda client: client.revoke("t", HALF),
    "an authorizer": lambda client: client.add_authorizer("t", HALF),
    "a writer": lambda client: client.share_on_behalf_of(HALF, OTHER, "t"),
    "a client": lambda client: client.client_info(HALF),
    "a token": lambda client: client.backup(client.client_id, HALF),
    "a client's name": lambda client: Client.register("token", HALF, api_url=client.config.api_url),
    "a note's name": lambda client: client.read_note_by_name(HALF),
    "a note's id": lambda client: client.delete_note(HALF),
    "a note's value": lambda client: note(client, {"n": HALF}),
    "a note's option": lambda client: note(client, {}, NoteOptions(id_string=HALF)),
}


def note(client, data, options=None):
    return client.write_note(data, client.config.public_key, client.config.public_signing_key, options)


@pytest.mark.parametrize("door", DOORS)
def test_half_a_character_is_told_in_words(client, door):
    with pytest.raises((UsageError, LocalFileError)) as caught:
        DOORS[door](client)
    str(caught.value).encode()  # it can be shown
