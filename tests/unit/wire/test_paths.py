"""Paths."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.wire import paths


@given(st.text(min_size=1))
def test_a_type_of_any_characters_is_one_segment(record_type):
    path = paths.access_key("w", "u", "r", record_type)
    assert path.count("/") == 7
    assert unquote(path.rsplit("/", 1)[1]) == record_type
    assert "?" not in path
    assert "#" not in path
