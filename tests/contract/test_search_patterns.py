"""FUZZY, WILDCARD and REGEXP: on every kind of term, on whole strings, within limits (protocol section 11.3)."""

import time

import pytest

from e3db_connectors import NewRecord, Search
from e3db_connectors.errors import InvalidRequest


@pytest.fixture
def found(client):
    """Plain members ``n`` of what a match finds."""

    def names(strategy, condition="OR", **terms):
        query = Search(count=1000).match(strategy=strategy, condition=condition, **terms)
        return sorted(record.meta.plain["n"] for record in client.search(query))

    return names


def write(client, *plains, record_type="t"):
    items = [NewRecord(record_type, {}, {"n": str(number), **plain}) for number, plain in enumerate(plains)]
    return [outcome.value for outcome in client.write_many(items)]


WORDS = ["summer", "bummer", "sunny", "fauna", "fluna", "flora", "ab", "ba", "Sommer", "", "veryveryfunny", "line\nbreak", "sum.mer"]


@pytest.fixture
def words(client):
    write(client, *({"word": word} for word in WORDS))


def numbers(*wanted):
    return sorted(str(WORDS.index(word)) for word in wanted)


@pytest.mark.parametrize(
    ("strategy", "term", "words_found"),
    [
        ("FUZZY", "bummer", ["summer", "bummer", "Sommer", "sum.mer"]),
        ("FUZZY", "fauna", ["fauna", "fluna"]),
        ("FUZZY", "ab", ["ab"]),
        ("FUZZY", "abc", ["ab"]),
        ("FUZZY", "bac", ["ba"]),
        ("FUZZY", "smumer", ["summer", "bummer", "sum.mer"]),
        ("FUZZY", "veryveryfuzzy", ["veryveryfunny"]),
        ("FUZZY", "sommer", ["summer", "bummer", "Sommer", "sum.mer"]),
        ("WILDCARD", "su??er", ["summer"]),
        ("WILDCARD", "su*", ["summer", "sunny", "sum.mer"]),
        ("WILDCARD", "*", WORDS),
        ("WILDCARD", "?", []),
        ("WILDCARD", "", [""]),
        ("WILDCARD", "s?m.mer", ["sum.mer"]),
        ("WILDCARD", "line*k", ["line\nbreak"]),
        ("WILDCARD", "su\\*", []),
        ("REGEXP", "sum.*", ["summer", "sum.mer"]),
        ("REGEXP", "^sum.*$", ["summer", "sum.mer"]),
        ("REGEXP", "sum", []),
        ("REGEXP", "(s|b)um{2}er", ["summer", "bummer"]),
        ("REGEXP", "(s|b)um{2,3}er", ["summer", "bummer"]),
        ("REGEXP", "sum{1,}er", ["summer"]),
        ("REGEXP", "[^s].*", ["bummer", "fauna", "fluna", "flora", "ab", "ba", "Sommer", "veryveryfunny", "line\nbreak"]),
        ("REGEXP", "sum\\.mer", ["sum.mer"]),
        ("REGEXP", "f[la]+una", ["fauna", "fluna"]),
        ("REGEXP", "line.break", ["line\nbreak"]),
    ],
)
@pytest.mark.usefixtures("words")
def test_whole_strings_are_compared(found, strategy, term, words_found):
    assert found(strategy, condition="AND", plain={"word": term} if strategy != "WILDCARD" else {"wor?": term}) == numbers(*words_found)


@pytest.mark.parametrize("strategy", ["FUZZY", "WILDCARD", "REGEXP"])
def test_every_kind_of_term_takes_patterns(client, stranger, found, strategy):
    (written,) = write(client, {"colour": "purple"}, record_type="season")
    stranger.write("seasons", {}, {"n": "9", "colour": "purple"})

    def pattern(text):
        return {"FUZZY": "x" + text[1:], "WILDCARD": text[:-2] + "??", "REGEXP": text[:-2] + "[^x]{2}"}[strategy]

    for terms in (
        {"record_types": pattern("season")},
        {"records": pattern(written.meta.record_id)},
        {"writers": pattern(client.client_id)},
        {"users": pattern(client.client_id)},
        {"keys": pattern("colour")},
        {"values": pattern("purple")},
        {"plain": {pattern("colour"): pattern("purple")}},
    ):
        assert found(strategy, **terms) == ["0"], terms
        nothing = {"plain": {"y" * 30: "z"}} if "plain" in terms else dict.fromkeys(terms, "y" * 30)
        assert found(strategy, **nothing) == []
        assert found(strategy, condition="AND", **terms) == ["0"]


def test_and_wants_every_term_and_or_any(client, found):
    write(client, {"a": "apple", "b": "banana"}, {"a": "apple"}, {"b": "banana"})
    terms = {"values": ["app*", "ban*"]}
    assert found("WILDCARD", **terms) == ["0", "1", "2"]
    assert found("WILDCARD", condition="AND", **terms) == ["0"]
    assert found("WILDCARD", condition="AND", plain={"a": "b*"}) == []
    assert found("WILDCARD", condition="AND", record_types=["t*", "u*"]) == []
    assert found("WILDCARD", condition="AND", record_types=["t*", "?"], values=["app*"]) == ["0", "1"]


def test_exclude_takes_patterns_and_strategies_mix(client):
    write(client, {"test_1": "a"}, {"server_2": "a"}, {"server_3": "a"})
    query = Search().match(strategy="EXACT", record_types=["t"]).match(strategy="WILDCARD", keys=["*_1"])
    query = query.exclude(strategy="REGEXP", keys=[".*test.*"]).exclude(strategy="REGEXP", keys=[".*server_2.*"])
    assert [record.meta.plain["n"] for record in client.search(query)] == ["2"]


def test_a_pattern_sees_only_what_its_caller_may_see(client, stranger):
    client.write("shared", {}, {"n": "0", "k": "open sesame"})
    client.write("kept", {}, {"n": "1", "k": "open seseme"})
    query = Search(include_all_writers=True).match(strategy="WILDCARD", values=["open*"])
    assert stranger.search(query).total_results == 0
    client.share("shared", stranger.client_id)
    assert [record.meta.plain["n"] for record in stranger.search(query)] == ["0"]
    client.revoke("shared", stranger.client_id)
    assert stranger.search(query).total_results == 0


def test_members_of_the_connectors_are_found_exactly_only(client, found):
    write(client, {"_e3db_key": "1.secret"}, {"xe3db_key": "1.secret"})
    assert found("WILDCARD", keys=["*e3db_key"]) == found("WILDCARD", values=["1.*"]) == ["1"]
    assert found("REGEXP", plain={".*": "1.*"}) == ["1"]
    assert found("EXACT", keys=["_e3db_key"]) == ["0"]
    assert found("EXACT", plain={"_e3db_key": "1.secret"}) == ["0"]


@pytest.mark.parametrize(
    "term",
    [
        "(",
        "[a",
        "a{2",
        "*",
        "a**b{",
        "a{1,100000}",
        "(a{1000}){1000}",
        "(?i)a",
        "\\d",
        "\\",
        "a\\",
        "a~b",
        "a<1-2>",
        "a&b",
        "a@b",
        'a"b',
        "a#",
    ],
)
def test_a_malformed_pattern_is_400(client, term):
    with pytest.raises(InvalidRequest):
        client.search(Search().match(strategy="REGEXP", values=[term]))


@pytest.mark.parametrize("term", ["a\\@b", "\\~\\&\\<\\>\\#", "\\\\", "[@~&]", "a\\$", "\\^", "\\(?", "a|b"])
def test_escaped_operators_are_patterns(client, found, term):
    write(client, {"v": "a@b"}, {"v": "~&<>#"}, {"v": "\\"}, {"v": "@"}, {"v": "a$"}, {"v": "^"}, {"v": "("}, {"v": "b"})
    expected = {"a\\@b": "0", "\\~\\&\\<\\>\\#": "1", "\\\\": "2", "[@~&]": "3", "a\\$": "4", "\\^": "5", "\\(?": "6", "a|b": "7"}
    assert found("REGEXP", plain={"v": term}) == [expected[term]]


@pytest.mark.parametrize("strategy", ["FUZZY", "WILDCARD", "REGEXP"])
def test_a_term_has_a_limited_length(client, strategy):
    client.search(Search().match(strategy=strategy, values=["a" * 1000]))
    with pytest.raises(InvalidRequest, match="1000 characters"):
        client.search(Search().match(strategy=strategy, values=["a" * 1001]))


def test_a_search_has_a_limited_number_of_patterns(client):
    client.search(Search().match(strategy="WILDCARD", values=[f"{number}*" for number in range(100)]))
    with pytest.raises(InvalidRequest, match="100 patterns"):
        client.search(Search().match(strategy="WILDCARD", values=[f"{number}*" for number in range(101)]))


def test_no_pattern_hangs_the_server(client):
    client.write("t", {}, {"v": "a" * 50_000 + "!"})
    began = time.monotonic()
    for evil in ("(a+)+$", "(a|a)*b", "(.*)*x", "(a*)*" * 20 + "b", ".*" * 200 + "b"):
        assert client.search(Search().match(strategy="REGEXP", values=[evil])).total_results == 0
    client.search(Search().match(strategy="WILDCARD", values=["*a" * 400 + "b"]))
    client.search(Search().match(strategy="FUZZY", values=["b" * 1000]))
    assert time.monotonic() - began < 30
