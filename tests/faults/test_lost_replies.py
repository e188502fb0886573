"""Replies that get lost: nothing is doubled, nothing is lost, and what cannot be known is said."""

import random
from contextlib import contextmanager
from types import SimpleNamespace
from uuid import uuid4

import pytest

from e3db_connectors import Record
from e3db_connectors.errors import Conflict, NotFound, OutcomeUnknown, UsageError

RECORDS = "/v1/storage/records"
FAULTS = pytest.mark.parametrize("fault", ["before", "after"])


def stored(client, record_type="t"):
    return [record.data for record in client.query_all(record_type=record_type)]


@pytest.fixture
def record(client):
    return client.write("t", {"a": "1"}, {"p": "1"})


@FAULTS
def test_a_create_is_not_repeated_and_says_that_its_outcome_is_unknown(fault, client, break_calls, once):
    client.write("t", {"a": "0"})
    break_calls(client, once("POST", RECORDS, fault))
    with pytest.raises(OutcomeUnknown):
        client.write("t", {"a": "1"})
    assert stored(client) == [{"a": "0"}] + [{"a": "1"}] * (fault == "after")


@FAULTS
def test_a_create_with_an_operation_id_is_looked_up_and_made_once(fault, client, break_calls, once):
    operation_id = uuid4()
    adapter = break_calls(client, once("POST", RECORDS, fault))
    written = client.write("t", {"a": "1"}, {"p": "x"}, operation_id=operation_id)
    again = client.write("t", {"a": "1"}, {"p": "x"}, operation_id=operation_id)
    assert adapter.broken == 1
    assert written == again
    assert stored(client) == [{"a": "1"}]


def test_an_operation_id_is_not_for_other_data(client):
    client.write("t", {"a": "1"}, operation_id="x")
    with pytest.raises(UsageError, match="other data"):
        client.write("t", {"a": "2"}, operation_id="x")
    client.write("another type", {"a": "2"}, operation_id="x")


def test_replies_lost_for_good_end_in_outcome_unknown(client, break_calls, once):
    break_calls(client, once("POST", RECORDS, "before", times=99))
    with pytest.raises(OutcomeUnknown):
        client.write("t", {"a": "1"}, operation_id="x")


@FAULTS
@pytest.mark.parametrize("data", [{"a": "2"}, {}], ids=["data", "no data"])
def test_an_update_is_read_back(fault, data, client, record, break_calls, once):
    adapter = break_calls(client, once("PUT", RECORDS, fault))
    updated = client.update(Record(record.meta, data))
    assert adapter.broken == 1
    assert client.read(record.meta.record_id) == updated
    assert updated.data == data
    assert updated.meta.version != record.meta.version


@FAULTS
def test_an_update_that_somebody_else_overtook_is_a_conflict(fault, client, record, break_calls):
    """Our reply is lost, and before we look, another process of this client writes."""
    other = type(client)(client.config)
    broken = []

    def overtaken(method, _path):
        if method == "PUT" and not broken:
            broken.append(True)
            return fault
        if method == "GET" and len(broken) == 1:
            broken.append(True)
            other.update(other.read(record.meta.record_id))
        return None

    break_calls(client, overtaken)
    with pytest.raises(Conflict):
        client.update(Record(record.meta, {"a": "ours"}))
    other.close()


@FAULTS
@pytest.mark.parametrize("versioned", [True, False])
def test_a_delete_is_done_once_it_is_gone(fault, versioned, client, record, break_calls, once):
    break_calls(client, once("DELETE", RECORDS, fault))
    client.delete(record.meta.record_id, record.meta.version if versioned else None)
    with pytest.raises(NotFound):
        client.read(record.meta.record_id)


def test_a_delete_whose_replies_are_lost_for_good_says_so(client, record, break_calls, once):
    break_calls(client, once("DELETE", RECORDS, "before", times=99))
    with pytest.raises(OutcomeUnknown):
        client.delete(record.meta.record_id, record.meta.version)
    assert stored(client) == [{"a": "1"}]


def test_many_writes_with_every_second_reply_lost(client, break_calls):
    """Updates and deletes, each of whose replies, or requests, is lost with a chance of one half."""
    chance = random.Random(7)  # noqa: S311 - the same in every run

    def every_second(method, path):
        changes = method in {"PUT", "DELETE"} and path.startswith(RECORDS)
        return chance.choices(["after", "before", None], [3, 1, 4])[0] if changes else None

    adapter = break_calls(client, every_second)
    written = [client.write("t", {"n": str(number)}) for number in range(40)]
    updated = [client.update(Record(record.meta, {"n": record.data["n"] + "!"})) for record in written]
    for record in updated[:20]:
        client.delete(record.meta.record_id, record.meta.version)
    assert adapter.broken > 10
    assert sorted(record["n"] for record in stored(client)) == sorted(f"{number}!" for number in range(20, 40))


class Gateway:
    """Passes requests on, and answers a change with a failure of its own: what it says of coming back means nothing."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.failed = False

    @contextmanager
    def lend(self, deadline):
        with self.sessions.lend(deadline) as session:

            def request(method, url, **options):
                response = session.request(method, url, **options)
                if RECORDS in url and method in {"POST", "PUT", "DELETE"} and not self.failed:
                    self.failed = True
                    response.status_code = 504
                    response.headers["Retry-After"] = "0"
                return response

            yield SimpleNamespace(request=request)

    def close(self):
        self.sessions.close()


@pytest.fixture
def gateway(client):
    client.write("t", {"a": "0"})
    client._transport._sessions = Gateway(client._transport._sessions)
    return client


def test_a_gateway_that_fails_after_the_server_acted_doubles_nothing(gateway):
    with pytest.raises(OutcomeUnknown, match="504"):
        gateway.write("t", {"a": "1"})
    assert stored(gateway) == [{"a": "0"}, {"a": "1"}]


def test_a_gateway_that_fails_after_an_update_or_delete_makes_no_error_of_it(gateway):
    record = gateway.query(record_type="t").records[0]
    updated = gateway.update(Record(record.meta, {"a": "2"}))
    assert gateway.read(record.meta.record_id) == updated
    gateway._transport._sessions.failed = False
    gateway.delete(updated.meta.record_id, updated.meta.version)
    assert stored(gateway) == []


@FAULTS
def test_a_bulk_delete_whose_reply_is_lost_tells_only_what_was_not_deleted(fault, client, record, break_calls, once):
    adapter = break_calls(client, once("DELETE", "/v2/storage/records/bulk", fault))
    assert client.delete_batch([record.meta.record_id]) == {}
    assert adapter.broken == 1
    assert stored(client) == []
