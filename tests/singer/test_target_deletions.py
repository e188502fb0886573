"""Rows and deletions of one batch, parted so that each key sees its own in their order."""

from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.singer.deletions import DELETED_AT, is_deletion, rounds

rows = st.lists(st.tuples(st.sampled_from([1, 2, "1", None, True]), st.booleans()), max_size=30)


def replay(events):
    """What is stored in the end."""
    table = {}
    for row in events:
        key = repr(row["id"])
        if is_deletion(row):
            table.pop(key, None)
        else:
            table[key] = row["value"]
    return table


@given(rows)
def test_the_outcome_is_that_of_one_after_the_other(batch):
    events = [{"id": key, "value": number, DELETED_AT: "now" if gone else None} for number, (key, gone) in enumerate(batch)]
    groups = rounds(events, ["id"])
    assert sorted(row["value"] for group in groups for row in group) == [row["value"] for row in events]
    assert all(is_deletion(row) == number % 2 for number, group in enumerate(groups) for row in group)
    assert replay([row for group in groups for row in group]) == replay(events)


def test_alternating_keys_need_two_groups():
    events = [{"id": number, DELETED_AT: "now" if number % 2 else None} for number in range(100)]
    assert [len(group) for group in rounds(events, ["id"])] == [50, 50]
