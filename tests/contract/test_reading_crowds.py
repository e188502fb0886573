"""Thousands of records on one microsecond, as a bulk load of the hosted service may have them. Our own server never gives a time twice,
so they are made in its database. But for the proof, all is a tenth: the records, the pages, and what a search can give.
"""

import re
import time
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import MetaData, insert, select, text

from e3db_connectors.errors import WindowExceeded
from e3db_connectors.sync import Tuning, read_pages
from e3db_connectors.sync.report import Run
from e3db_connectors.wire import times

TENTH = {"page_size": 100, "search_window": 1000}


@pytest.fixture
def own_server(running_server, tmp_path):
    with running_server(tmp_path) as server:
        yield server


def allow_equal_times(connection):
    if connection.dialect.name == "postgresql":
        connection.execute(text("ALTER TABLE records DROP CONSTRAINT records_last_modified_key"))
        return
    found = connection.execute(text("SELECT sql FROM sqlite_master WHERE tbl_name = 'records' AND sql IS NOT NULL ORDER BY type DESC"))
    table, *indexes = found.scalars().all()
    assert "UNIQUE (last_modified)" in table
    for statement in (
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE records RENAME TO records_before",
        *(f"DROP INDEX {index.split()[2]}" for index in indexes if index.startswith("CREATE INDEX")),
        table.replace("UNIQUE (last_modified)", "CHECK (1)"),
        "INSERT INTO records SELECT * FROM records_before",
        "DROP TABLE records_before",
        *indexes,
    ):
        connection.execute(text(statement))


def crowd(server, count, make_id=lambda: str(uuid4())):
    """Copies of the one record that there is, all with its time."""
    time.sleep(1.1)  # the server's clock, in whole seconds, has to be past their time: otherwise only the tail finds them
    with server.database() as connection:
        allow_equal_times(connection)
        metadata = MetaData()
        metadata.reflect(connection, only=["records"])
        records = metadata.tables["records"]
        row = dict(connection.execute(select(records)).mappings().one())
        del row["seq"]
        connection.execute(insert(records), [{**row, "record_id": make_id(), "version": str(uuid4())} for _ in range(count)])


def read(client, run=None, state=None, pages=None, limits=TENTH):
    rows, tuning = [], Tuning(lookback_seconds=0, settle_seconds=0, **limits)
    for number, page in enumerate(read_pages(client, "note", state=state, tuning=tuning, run=run)):
        rows += [row["_e3db_record_id"] for row in page.rows]
        state = page.state
        if number == pages:
            break
    return rows, state


@pytest.mark.proof
@pytest.mark.parametrize("sizes", [(500, 5000), (1200, 35_000)])
def test_thousands_of_records_on_one_microsecond_all_come(sizes, own_server, proof):
    count = proof.size(*sizes)
    with own_server.register() as client:
        client.write("note", {"n": "1"})
        crowd(own_server, count - 1)
        run = Run(client, "note")
        rows, state = read(client, run, limits={} if count > 1200 else TENTH)
        assert len(set(rows)) == len(rows) == count
        report = run.report(state)
        assert report.fields.decrypted == count
        proof.report(f"{count:,} records on one microsecond", requests=report.requests)


def test_a_crowd_is_gone_on_with_in_its_middle(own_server):
    with own_server.register() as client:
        client.write("note", {"n": "1"})
        crowd(own_server, 499)
        some, state = read(client, pages=2)
        rest, _ = read(client, state=state)
        assert len({*some, *rest}) == 500
        assert len(some) == 100 + 99 + 99  # each further page begins with the seam
        assert set(some).isdisjoint(rest)


def test_a_crowd_that_cannot_be_told_apart_is_an_error_that_names_its_time(own_server):
    numbers = iter(range(2000))
    with own_server.register() as client:
        written = client.write("note", {"n": "1"})
        crowd(own_server, 1100, lambda: str(UUID(int=next(numbers))))
        with pytest.raises(WindowExceeded) as caught:
            read(client)
    named = times.parse(re.search(r"at (\S+)", str(caught.value))[1])
    # The windows beside it meet the crowd, too, for queries reach a millisecond further than their windows.
    assert timedelta(0) <= times.parse(written.meta.last_modified) - named < timedelta(milliseconds=2)
