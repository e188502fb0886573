"""The fast opener gives what the careful one gives, for every text and from every thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.crypto import fast_fields, fields
from e3db_connectors.crypto.access_keys import generate_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import E3DBError

SUITE = SodiumSuite()
KEY = generate_access_key()
OPENER = FieldOpener(SUITE)
QUAD = fields.seal_field(SUITE, KEY, "a value of some length")


def outcome(way, quad):
    try:
        return way(quad)
    except E3DBError as exc:
        return type(exc), str(exc)


def both(quad):
    fast = outcome(lambda text: OPENER.open(KEY, text), quad)
    careful = outcome(lambda text: fields.open_field(SUITE, KEY, text), quad)
    assert fast == careful
    return fast


def test_the_fast_way_is_there():
    assert OPENER._fast


@given(st.text())
def test_any_value_opens_alike(text):
    assert both(fields.seal_field(SUITE, KEY, text)) == text


@given(st.text(alphabet="AZaz09-_=+/.", max_size=300))
def test_any_text_is_judged_alike(quad):
    both(quad)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("change", ["short", "long", "padded", "empty", "newline", "other alphabet", "flipped"])
def test_a_changed_part_is_judged_alike(part, change):
    parts = QUAD.split(".")
    text = parts[part]
    changed = {
        "short": text[:-1],
        "long": text + "A",
        "padded": text + "=" * (-len(text) % 4),
        "empty": "",
        "newline": text + "\n",
        "other alphabet": "+" + text[1:],
        "flipped": ("B" if text[0] == "A" else "A") + text[1:],
    }
    parts[part] = changed[change]
    both(".".join(parts))


def test_a_large_value_grows_the_buffer_and_small_ones_still_open():
    large = "x" * 3_000_000
    assert OPENER.open(KEY, fields.seal_field(SUITE, KEY, large)) == large
    assert OPENER.open(KEY, QUAD) == "a value of some length"


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"ok\xed\xa0\x80"])
def test_what_is_no_utf8_is_judged_alike(text):
    class Bytes(str):
        __slots__ = ()

        def encode(self, *_):
            return text

    both(fields.seal_field(SUITE, KEY, Bytes()))


def test_threads_do_not_get_each_others_values():
    quads = [(fields.seal_field(SUITE, KEY, f"value {number}" * 20), f"value {number}" * 20) for number in range(500)]

    def check(_):
        opener = FieldOpener(SUITE)
        return sum(opener.open(KEY, quad) != text for quad, text in quads * 4)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(check, range(4))) == 0


def test_without_the_handle_the_careful_way_does_it(monkeypatch):
    monkeypatch.setattr(fast_fields, "_sodium", None)
    opener = FieldOpener(SUITE)
    assert not opener._fast
    assert opener.open(KEY, QUAD) == "a value of some length"


def test_the_nist_suite_goes_the_careful_way():
    suite = NistSuite()
    assert FieldOpener(suite).open(KEY, fields.seal_field(suite, KEY, "x")) == "x"
