"""The fast opener and sealer give what the careful ones give: in both suites, for every text, one by one or all at once, from every thread."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.crypto import encoding, fast_fields, fields, sodium_handle
from e3db_connectors.crypto.access_keys import generate_access_key
from e3db_connectors.crypto.fast_fields import FieldOpener, FieldSealer
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import E3DBError

KEY, OTHER_KEY = generate_access_key(), generate_access_key()
SUITES = {"sodium": SodiumSuite(), "nist": NistSuite()}
OPENERS = {name: FieldOpener(suite) for name, suite in SUITES.items()}
VALUE = "a value of some length"

each_suite = pytest.mark.parametrize("name", SUITES)


def seal(name, text, key=KEY):
    return fields.seal_field(SUITES[name], key, text)


def outcome(way):
    try:
        return way()
    except E3DBError as exc:
        return type(exc), str(exc)


def judged(name, quad):
    """What becomes of a quad; the same alone, among others, and by the careful way."""
    opener, good = OPENERS[name], seal(name, "good")
    careful = outcome(lambda: fields.open_field(SUITES[name], KEY, quad))
    assert outcome(lambda: opener.open(KEY, quad)) == careful
    for quads in ({"a": quad}, {"x": good, "a": quad}, {"a": quad, "x": good}):
        together = outcome(lambda quads=quads: opener.open_all(KEY, quads))
        assert together == (
            {key: "good" if key == "x" else careful for key in quads}
            if isinstance(careful, str)
            else (careful[0], f"field a: {careful[1]}")
        )
    return careful


@each_suite
def test_the_fast_way_is_there(name):
    assert OPENERS[name]._fast


@each_suite
@given(text=st.text())
def test_any_value_opens_alike(name, text):
    assert judged(name, seal(name, text)) == text


@each_suite
@given(quad=st.text(alphabet="AZaz09-_=+/.", max_size=300))
def test_any_text_is_judged_alike(name, quad):
    judged(name, quad)


@each_suite
@given(texts=st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=40))
def test_many_values_open_together(name, texts):
    assert OPENERS[name].open_all(KEY, {key: seal(name, text) for key, text in texts.items()}) == texts


@each_suite
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("change", ["short", "long", "byte short", "byte long", "padded", "empty", "newline", "other alphabet", "flipped"])
def test_a_changed_part_is_judged_alike(name, part, change):
    parts = seal(name, VALUE).split(".")
    text = parts[part]
    raw = encoding.decode(text)
    changed = {
        "short": text[:-1],
        "long": text + "A",
        "byte short": encoding.encode(raw[:-1]),
        "byte long": encoding.encode(raw + b"x"),
        "padded": text + "=" * (-len(text) % 4),
        "empty": "",
        "newline": text + "\n",
        "other alphabet": "+" + text[1:],
        "flipped": ("B" if text[0] == "A" else "A") + text[1:],
    }
    parts[part] = changed[change]
    assert isinstance(judged(name, ".".join(parts)), str) == (change == "padded")


@each_suite
@pytest.mark.parametrize("length", range(17))
def test_a_value_shorter_than_its_tag_is_judged_alike(name, length):
    parts = seal(name, VALUE).split(".")
    parts[2] = encoding.encode(encoding.decode(parts[2])[:length])
    assert not isinstance(judged(name, ".".join(parts)), str)


@each_suite
def test_another_key_opens_nothing(name):
    assert outcome(lambda: OPENERS[name].open_all(OTHER_KEY, {"a": seal(name, VALUE)}))[1].startswith("field a: ")
    assert OPENERS[name].open_all(KEY, {"a": seal(name, VALUE)}) == {"a": VALUE}
    assert OPENERS[name].open_all(OTHER_KEY, {"a": seal(name, VALUE, OTHER_KEY)}) == {"a": VALUE}


@each_suite
def test_a_key_of_another_length_is_an_error(name):
    assert not isinstance(outcome(lambda: OPENERS[name].open(KEY[:-1], seal(name, VALUE))), str)


@each_suite
def test_a_large_value_grows_the_buffers_and_small_ones_still_open(name):
    texts = {"small": VALUE, "large": "x" * 3_000_000, "empty": ""}
    assert OPENERS[name].open_all(KEY, {key: seal(name, text) for key, text in texts.items()}) == texts
    assert OPENERS[name].open(KEY, seal(name, VALUE)) == VALUE


@each_suite
@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"ok\xed\xa0\x80"])
def test_what_is_no_utf8_is_judged_alike(name, text):
    class Bytes(str):
        __slots__ = ()

        def encode(self, *_):
            return text

    assert not isinstance(judged(name, seal(name, Bytes())), str)


@each_suite
def test_threads_do_not_get_each_others_values(name):
    texts = [{str(n): f"value {number}-{n}" * 20 for n in range(5)} for number in range(100)]
    records = [({key: seal(name, text) for key, text in record.items()}, record) for record in texts]

    def check(_):
        opener = FieldOpener(SUITES[name])
        return sum(opener.open_all(KEY, quads) != record for quads, record in records * 4)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(check, range(4))) == 0


FORKED = """
import os, sys
from e3db_connectors.crypto import sodium_handle
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.suites import suite_named

opener = FieldOpener(suite_named("sodium"))
with sodium_handle._Turn.lock:
    child = os.fork()
    if not child:
        os._exit(opener.open(bytes(32), sys.argv[1]) != "a value of some length")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_does_not_wait_for_a_thread_of_its_parent():
    subprocess.run([sys.executable, "-c", FORKED, seal("sodium", VALUE, bytes(32))], timeout=60, check=True)


def test_a_long_value_does_not_wait_for_other_threads():
    text = "x" * 200_000
    with sodium_handle._Turn.lock, ThreadPoolExecutor(1) as pool:
        assert pool.submit(FieldOpener(SUITES["sodium"]).open, KEY, seal("sodium", text)).result(60) == text


def test_without_the_handle_the_careful_way_does_it(monkeypatch):
    monkeypatch.setattr(sodium_handle, "_sodium", None)
    opener = FieldOpener(SUITES["sodium"])
    assert not opener._fast
    assert opener.open(KEY, seal("sodium", VALUE)) == VALUE
    assert opener.open_all(KEY, {"a": seal("sodium", VALUE)}) == {"a": VALUE}


@each_suite
@given(texts=st.dictionaries(st.text(max_size=5), st.text(max_size=200), max_size=40), seed=st.integers())
def test_of_equal_randomness_equal_quads_are_made(name, texts, seed):
    """The careful way asks for each key and nonce by itself; the fast one for those of a record at once."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (fast_fields, fields):
            patch.setattr(module, "urandom", random.Random(seed).randbytes)  # noqa: S311 - not random is what it has to be
        sealed = FieldSealer(SUITES[name]).seal_all(KEY, texts)
        assert sealed == {key: seal(name, text) for key, text in texts.items()}


@each_suite
def test_each_value_has_a_key_and_nonces_of_its_own(name):
    sealer = FieldSealer(SUITES[name])
    quads = [quad for _ in range(20) for quad in sealer.seal_all(KEY, dict.fromkeys("abc", "same")).values()]
    parts = [part for quad in quads for part in quad.split(".")]
    assert len(set(parts)) == len(parts) == 4 * 20 * 3


def test_a_long_value_is_sealed_without_a_turn():
    text = "x" * 200_000
    with sodium_handle._Turn.lock, ThreadPoolExecutor(1) as pool:
        quads = pool.submit(FieldSealer(SUITES["sodium"]).seal_all, KEY, {"a": text, "b": "short"}).result(60)
    assert OPENERS["sodium"].open_all(KEY, quads) == {"a": text, "b": "short"}


def test_without_the_handle_the_careful_way_seals(monkeypatch):
    monkeypatch.setattr(sodium_handle, "_sodium", None)
    sealer = FieldSealer(SUITES["sodium"])
    assert not sealer._fast
    assert FieldOpener(SUITES["sodium"]).open_all(KEY, sealer.seal_all(KEY, {"a": VALUE})) == {"a": VALUE}
