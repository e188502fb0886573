"""Signed headers and queries as texts, whatever comes along."""

from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.wire import tsv1

WORDS = st.text(alphabet=st.characters(codec="ascii", categories=["L", "N", "Pd"]), min_size=1)
PAIRS = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=6)


@given(WORDS, st.integers(0, 2**40), WORDS, st.just("") | WORDS, WORDS)
def test_a_header_reads_as_it_was_written(key, timestamp, nonce, client_id, signature):
    header = tsv1.Tsv1Header(key, timestamp, nonce, client_id, signature)
    assert tsv1.parse_header(header.text()) == header


@given(
    st.text() | st.lists(st.text(max_size=5), min_size=5, max_size=7).map("; ".join) | st.text().map(lambda text: f"{tsv1.METHOD}; {text}")
)
def test_any_text_is_a_header_or_none(text):
    header = tsv1.parse_header(text)
    assert header is None or header.text().split("; ")[0] == tsv1.METHOD


@pytest.mark.parametrize("timestamp", ["", "-1", "1.5", "1e9", "٣", "²", " 1"])
def test_a_time_is_decimal_digits(timestamp):
    assert tsv1.parse_header(f"{tsv1.METHOD}; key; {timestamp}; nonce; uid:x; signature") is None


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_a_query_does_not_matter(pairs, chance):
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    canonical = tsv1.canonical_query(urlencode(pairs))
    assert tsv1.canonical_query(urlencode(shuffled)) == canonical
    assert sorted(parse_qsl(canonical, keep_blank_values=True)) == sorted(pairs)


@given(PAIRS)
def test_what_this_client_signs_a_server_accepts(pairs):
    query = urlencode(pairs)
    assert tsv1.canonical_query(query) in tsv1.accepted_queries(query)


@given(PAIRS, PAIRS)
def test_two_requests_never_share_a_text(one, other):
    """Requests that mean different things: what is signed for the one is good for the other in no form."""
    if sorted(one) != sorted(other):
        assert not set(tsv1.accepted_queries(urlencode(one))) & {tsv1.canonical_query(urlencode(other))}
