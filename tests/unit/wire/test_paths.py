"""Paths."""

from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from e3db_connectors.errors import UsageError
from e3db_connectors.wire import paths

DOTS = {".", ".."}


@given(st.text(min_size=1).filter(lambda text: text not in DOTS))
@example("...")
@example("a/b")
def test_a_type_of_any_characters_is_one_segment(record_type):
    path = paths.access_key("w", "u", "r", record_type)
    assert path.count("/") == 7
    assert unquote(path.rsplit("/", 1)[1]) == record_type
    assert "?" not in path
    assert "#" not in path


@pytest.mark.parametrize("record_type", sorted(DOTS))
def test_a_segment_that_urls_drop_is_refused(record_type):
    with pytest.raises(UsageError, match="cannot be"):
        paths.access_key("w", "u", "r", record_type)


def test_a_type_that_is_no_unicode_is_refused():
    with pytest.raises(UsageError, match="half a character"):
        paths.access_key("w", "u", "r", "t\ud800")
