"""Callers of notes: raw HTTP, each request signed, some by a key alone."""

import dataclasses
import time
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from e3db_connectors.crypto import signatures
from e3db_connectors.wire import tsv1

NOTES = "/v2/storage/notes"


@dataclasses.dataclass
class Signing:
    """Calls of one signing key, with a client id or without one."""

    http: object
    keys: object
    client_id: str = ""

    @property
    def key(self):
        return self.keys.public

    def __call__(self, method, path, query="", **options):
        header = tsv1.Tsv1Header(self.key, int(time.time()), str(uuid4()), self.client_id)
        text = header.to_sign(method, path, tsv1.canonical_query(query))
        signature = signatures.sign(signatures.digest(text), self.keys.private)
        headers = {"Authorization": dataclasses.replace(header, signature=signature).text()}
        return self.http(method, path + (f"?{query}" if query else ""), headers=headers, **options)

    def write(self, method="POST", **members):
        """Write a note to oneself, unless *members* say otherwise."""
        return self(method, NOTES, json=self.note(**members))

    def note(self, **members):
        own = {"recipient_signing_key": self.key, "writer_signing_key": self.key, "writer_encryption_key": "w", "encrypted_access_key": "e"}
        return {**own, "mode": "Sodium", "signature": "signed", "data": {"field": "a.b.c.d"}, **members}

    def read(self, **query):
        return self("GET", NOTES, urlencode(query))

    def views(self, note_id):
        return self("GET", f"{NOTES}/views", f"note_id={note_id}")

    def delete(self, note_id):
        return self("DELETE", f"{NOTES}/{note_id}")

    def alone(self):
        """The same key, of nobody known."""
        return Signing(self.http, self.keys)


def signing_as(http, client):
    return Signing(http, client._signing_keys, client.client_id)


@pytest.fixture(name="signing")
def _signing():
    """Makes calls signed with a key pair: ``signing(http, keys, client_id)``."""
    return Signing


@pytest.fixture(name="signing_as")
def _signing_as():
    """Makes calls signed by a client: ``signing_as(http, client)``."""
    return signing_as


@pytest.fixture
def writer(http, client):
    """A client."""
    return signing_as(http, client)


@pytest.fixture
def other(http, stranger):
    """Another client."""
    return signing_as(http, stranger)


@pytest.fixture
def nameless(http):
    """A key that belongs to no client."""
    return Signing(http, signatures.generate_signing_keypair())


@pytest.fixture
def name():
    return f"note-{uuid4()}"


@pytest.fixture(params=["identified", "anonymous"])
def anybody(request, writer, nameless):
    """Either kind of caller."""
    return writer if request.param == "identified" else nameless
