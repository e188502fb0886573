"""Names of streams and columns."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.sync import names

LOADABLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@given(st.text(min_size=1))
def test_every_type_gets_a_name_that_loaders_take(record_type):
    assert LOADABLE.fullmatch(names.stream_name(record_type))


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_types_never_share_a_name(one, other):
    assert (names.stream_name(one) == names.stream_name(other)) == (one == other)


@pytest.mark.parametrize("record_type", ["contact", "_x", "sensor_reading2"])
def test_a_loadable_type_is_its_own_name(record_type):
    assert names.stream_name(record_type) == record_type


@pytest.mark.parametrize(
    ("record_type", "readable"),
    [
        ("sensor-reading", "sensor_reading_"),
        ("Contact", "contact_"),
        ("a/b", "a_b_"),
        ("日本", "_"),
        ("7up", "_7up_"),
        ("x" * 90, "x" * 54 + "_"),
    ],
)
def test_other_types_stay_readable_and_end_in_their_hash(record_type, readable):
    assert re.fullmatch(re.escape(readable) + "_?[0-9a-f]{8}", names.stream_name(record_type))


@given(st.sets(st.text(alphabet="aAbB_sdce3", min_size=1), max_size=6))
def test_columns_stay_apart_when_case_is_folded_and_avoid_reserved_names(fields):
    columns = names.column_names(fields)
    assert set(columns) == fields
    folded = [column.lower() for column in columns.values()]
    assert len(set(folded)) == len(folded)
    assert not any(column.startswith(names.RESERVED_PREFIXES) for column in folded)


def test_only_colliding_columns_are_renamed():
    columns = names.column_names(["id", "ID", "Name", "_e3db_record_id", "_SDC_x"])
    assert columns["id"] == "id"
    assert columns["Name"] == "Name"
    assert columns["ID"] != "ID"
    assert columns["_e3db_record_id"].startswith("e3db_record_id_")
    assert columns["_SDC_x"].startswith("sdc_x_")


@pytest.mark.parametrize(
    ("record_type", "internal"), [("singer.schema.planes", True), ("tozny.key_backup", True), ("planes", False), ("singer", False)]
)
def test_the_connectors_own_types_are_no_data(record_type, internal):
    assert names.is_internal(record_type) is internal
