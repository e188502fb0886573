"""Which fields are opened."""

from e3db_connectors.policy import ColumnPlan, FieldCounts


def test_only_what_was_asked_for_is_chosen_and_both_are_counted():
    counts = FieldCounts()
    plan = ColumnPlan(frozenset({"a", "b"}))
    assert plan.choose(["a", "c", "d"], counts) == {"a"}
    assert plan.choose([], counts) == frozenset()
    assert (counts.decrypted, counts.untouched) == (1, 2)
