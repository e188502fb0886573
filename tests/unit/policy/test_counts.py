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


def test_the_same_fields_over_and_over_count_like_others():
    counts, other = FieldCounts(), FieldCounts()
    name, mail = (("name", "decrypted"),), (("mail", "untouched"), ("mail", "untouched"))
    for fields in (name, name, mail, name, mail):
        counts.add(fields)
        other.add(list(fields))
        assert counts.columns() == other.columns()
    assert (counts.decrypted, counts.untouched) == (3, 4)
