"""Counting fields."""

from e3db_connectors.policy import FieldCounts


def test_any_number_of_sets_of_fields_is_counted_in_bounded_memory():
    counts = FieldCounts()
    for number in range(3000):
        counts.add([("_extra", "decrypted"), (f"f{number}", "untouched")])
    counts.add([("f0", "untouched")] * 2)
    columns = counts.columns()
    assert columns["_extra"].decrypted == 3000
    assert (columns["f0"].untouched, columns["f2999"].untouched) == (3, 1)
    assert counts.total().untouched == 3002
