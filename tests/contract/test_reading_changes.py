"""Records are changed while their pages are read: one more sync, and the warehouse is the store."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import MetaData, insert, select

from e3db_connectors.sync import Tuning, read_pages


def seed(server, count):
    """Copies of the one record that there is, a millisecond between them, the last one as old as that record."""
    with server.database() as connection:
        metadata = MetaData()
        metadata.reflect(connection, only=["records"])
        records = metadata.tables["records"]
        row = dict(connection.execute(select(records)).mappings().one())
        del row["seq"]
        times = (row["last_modified"] - 1000 * number for number in range(1, count))
        connection.execute(
            insert(records),
            [{**row, "record_id": str(uuid4()), "version": str(uuid4()), "created": at, "last_modified": at} for at in times],
        )


def sync(client, table, state, tuning):
    """Read what there is; how many rows came twice in the same version."""
    seen, again = set(), 0
    for page in read_pages(client, "note", state=state, tuning=tuning):
        for row in page.rows:
            version = row["_e3db_record_id"], row["_e3db_version"]
            again += version in seen
            seen.add(version)
            table[row["_e3db_record_id"]] = row["_e3db_version"]
        state = page.state
    return state, again


@pytest.mark.proof
def test_nothing_is_lost_of_what_changes_while_it_is_read(running_server, tmp_path, proof):
    count, updates = proof.size(1_000, 10_000), proof.size(200, 2_000)
    with running_server(tmp_path) as server, server.register() as client:
        client.write("note", {"n": "0"})
        seed(server, count)
        records = list(client.query_all(record_type="note"))
        tuning = Tuning(lookback_seconds=2, settle_seconds=0, page_size=proof.size(50, 500))
        reading, table = threading.Event(), {}

        def change():
            reading.wait()
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(client.update, records[:: count // updates]))

        changing = threading.Thread(target=change)
        changing.start()
        reading.set()
        state, again = sync(client, table, None, tuning)
        during = sum(table.get(record.meta.record_id) != record.meta.version for record in records)
        changing.join()
        sync(client, table, state, tuning)
        stored = {record.meta.record_id: record.meta.version for record in client.query_all(record_type="note")}
        lost = sum(table.get(record_id) != version for record_id, version in stored.items())
        assert (lost, len(table)) == (0, count)
        assert 0 < during <= updates  # else nothing was changed while it was read
        proof.report(
            "records changed while they are read", records=count, updates=updates, read_after_their_change=during, again=again, lost=lost
        )
