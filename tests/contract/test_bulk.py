"""Many records at once: an outcome for each, in order, in bounded memory."""

import threading

import pytest

from e3db_connectors import NewRecord, Record
from e3db_connectors.errors import Conflict, NotFound, UsageError

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def written(client):
    outcomes = list(client.write_many(NewRecord("t", {"n": str(number)}) for number in range(40)))
    assert all(outcome.ok for outcome in outcomes)
    return [outcome.value for outcome in outcomes]


def test_records_are_written_in_the_order_of_their_outcomes(written, client):
    assert [record.data["n"] for record in written] == [str(number) for number in range(40)]
    assert sorted(record.data["n"] for record in client.query_all(record_type="t")) == sorted(str(number) for number in range(40))


def test_one_bad_item_does_not_stop_the_others(client):
    items = [NewRecord("t", {"a": "1"}), NewRecord("t", {"a": 2}), NewRecord("", {"a": "3"}), NewRecord("t", {"a": "4"})]
    outcomes = list(client.write_many(items))
    assert [outcome.ok for outcome in outcomes] == [True, False, False, True]
    assert [outcome.item for outcome in outcomes] == items
    assert isinstance(outcomes[1].error, UsageError)


def test_records_are_read_with_only_the_fields_that_are_wanted(written, client, stranger):
    ids = [written[3].meta.record_id, UNKNOWN, written[5].meta.record_id]
    first, missing, last = client.read_many(ids, fields=["n"], workers=2)
    assert (first.value.data, last.value.data) == ({"n": "3"}, {"n": "5"})
    assert isinstance(missing.error, NotFound)
    assert isinstance(next(stranger.read_many(ids)).error, NotFound)


def test_updates_and_deletes_go_by_version(written, client):
    changed = [Record(record.meta, {"n": record.data["n"] + "!"}) for record in written]
    updated = [outcome.value for outcome in client.update_many(changed)]
    assert [record.data["n"] for record in updated] == [f"{number}!" for number in range(40)]
    assert all(isinstance(outcome.error, Conflict) for outcome in client.update_many(changed))
    assert all(isinstance(outcome.error, Conflict) for outcome in client.delete_many(written))
    assert all(outcome.ok for outcome in client.delete_many(updated))
    assert list(client.query_all(record_type="t")) == []


def test_written_again_with_the_same_operation_ids_nothing_is_doubled(client):
    items = [NewRecord("t", {"n": str(number)}, operation_id=str(number)) for number in range(10)]
    first = [outcome.value for outcome in client.write_many(items)]
    assert [outcome.value for outcome in client.write_many(items)] == first
    assert len(list(client.query_all(record_type="t"))) == 10


def test_it_reads_ahead_only_as_far_as_it_has_workers(client):
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield NewRecord("t", {"n": str(number)})

    outcomes = client.write_many(items(), workers=2)
    assert taken == []
    next(outcomes)
    assert len(taken) <= 5
    outcomes.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("e3db-bulk")]


def test_an_error_of_the_items_themselves_comes_after_the_outcomes_of_what_has_begun(client):
    def items():
        for number in range(10):
            yield NewRecord("t", {"n": str(number)})
        raise RuntimeError("the source broke off")

    outcomes = []
    with pytest.raises(RuntimeError, match="broke off"):
        outcomes.extend(client.write_many(items(), workers=8))
    assert [outcome.value.data["n"] for outcome in outcomes] == [str(number) for number in range(10)]


def test_an_item_of_another_shape_is_an_outcome(client):
    outcomes = list(client.write_many([NewRecord("t", {}), NewRecord("t", None), NewRecord("t", {})]))
    assert [outcome.ok for outcome in outcomes] == [True, False, True]


def test_there_is_at_least_one_worker(client):
    with pytest.raises(UsageError, match="workers"):
        client.write_many([], workers=0)


def test_outcomes_do_not_show_values(client):
    [outcome] = client.write_many([NewRecord("t", {"a": "a-secret-value"})])
    assert "a-secret-value" not in repr(outcome) + repr(outcome.item)
