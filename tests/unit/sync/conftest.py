"""Writers of one stream, and what they have stored."""

import pytest
from sqlalchemy import text

from e3db_connectors import Client
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.sync.writing import WriteOptions, open_writer

COLUMNS = {"id": {"type": "integer"}, "name": {"type": ["string", "null"]}}


class Items:
    """The stream ``items`` of a client."""

    def __init__(self, client):
        self.client = client

    def writer(self, client=None, *, columns=COLUMNS, keys=("id",), failures=None, check=None, **options):
        return open_writer(client or self.client, "items", columns, keys, options=WriteOptions(**options), failures=failures, check=check)

    def records(self):
        return list(self.client.query_all(record_type="items"))

    def stored(self):
        return sorted((record.data for record in self.records()), key=str)

    def key_of(self, number, **options):
        """The index of a row."""
        return self.writer(**options)._keys.of({"id": str(number)}).index

    def plant(self, number, name, **plain):
        """A record of a row, beside those that it may have."""
        return self.client.write("items", {"id": str(number), "name": name}, {ROW_KEY: self.key_of(number), **plain})


@pytest.fixture
def items(client):
    return Items(client)


@pytest.fixture
def twin(client):
    """The same client once more, as another process would have it."""
    with Client(client.config) as made:
        yield made


@pytest.fixture
def outcomes():
    """The outcomes of a batch, in short."""
    return lambda written: [outcome.outcome for outcome in written]


@pytest.fixture
def damage(server):
    """Make a stored record one that does not open."""

    def spoil(record_id):
        with server.database() as database:
            database.execute(text("UPDATE records SET data = replace(data, '.', '.AAAA') WHERE record_id = :id"), {"id": record_id})

    return spoil
