"""Records as rows, as the policy lets them be seen; a spy on the suite sees what is really opened."""

import logging
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import msgspec
import pytest

from e3db_connectors.crypto import fast_fields, fields
from e3db_connectors.errors import ConfigError, DecryptionError, EncodingError, UsageError, ValueMismatch
from e3db_connectors.policy import Policy, Pseudonymiser
from e3db_connectors.sync import read_pages
from e3db_connectors.sync.rows import META_COLUMNS, RowReader
from e3db_connectors.sync.values import TEXT
from e3db_connectors.wire.search import SearchRequest

INTEGER, NUMBER, OBJECT = ({"type": [kind, "null"]} for kind in ("integer", "number", "object"))
KEY = Pseudonymiser(bytes(range(32)))


@pytest.fixture
def results(client):
    """Write records of type ``t`` and get them sealed."""

    def write(*records):
        for data in records:
            client.write("t", data)
        return client.search_page(SearchRequest(limit=1000, include_data=True)).results

    return write


@pytest.fixture
def opened(monkeypatch):
    """All texts that the suite has opened, whichever way."""
    seen = []

    class Spy:
        def __init__(self, inner):
            self.inner = inner

        def open_all(self, access_key, quads):
            quads = list(quads)
            seen.extend(quads)
            return self.inner.open_all(access_key, quads)

    make, open_field = fast_fields._fast_opener, fields.open_field

    def careful(suite, access_key, quad):
        seen.append(quad)
        return open_field(suite, access_key, quad)

    monkeypatch.setattr(fast_fields, "_fast_opener", lambda suite: Spy(make(suite)))
    monkeypatch.setattr(fast_fields, "open_field", careful)
    return seen


def policy(*rules, **settings):
    return Policy.from_value({"rules": list(rules), **settings})


def data(row):
    return {name: value for name, value in row.items() if name not in META_COLUMNS}


def test_each_rule_shows_what_it_should_and_opens_what_it_must(client, results, opened):
    names = ["decrypt", "drop", "null", "constant", "mask", "truncate", "pseudonym", "ciphertext", "other"]
    [result] = results({name: f"text of {name}" for name in names})
    rules = [{"rule": name, "column": name} for name in names[:-1]]
    rules[3]["value"], rules[4]["keep_last"], rules[5]["length"] = 7, 4, 4
    reader = RowReader(client, "t", dict.fromkeys(names, TEXT), None, policy=policy(*rules), pseudonymiser=KEY)
    row = reader.row(result)
    assert data(row) == {
        "decrypt": "text of decrypt",
        "null": None,
        "constant": 7,
        "mask": "********mask",
        "truncate": "text",
        "pseudonym": KEY.pseudonym("text of pseudonym", KEY.domain()),
        "ciphertext": result.record_data["ciphertext"],
        "other": "text of other",
        "_extra": None,
    }
    assert sorted(opened) == sorted(result.record_data[name] for name in ("decrypt", "mask", "truncate", "pseudonym", "other"))
    assert row.keys() == reader.columns().keys()
    counts = reader.counts.columns()
    assert {name: next(key for key, count in msgspec.structs.asdict(counts[name]).items() if count) for name in names} == {
        **dict.fromkeys(("decrypt", "mask", "truncate", "other"), "decrypted"),
        **dict.fromkeys(("drop", "null", "constant"), "untouched"),
        "pseudonym": "pseudonymised",
        "ciphertext": "passed_through",
    }
    assert msgspec.structs.astuple(reader.counts.total()) == (4, 1, 1, 3)


def test_an_absent_field_is_null_and_a_constant_is_there(client, results):
    [result] = results({"a": "1"})
    rules = policy(
        {"rule": "constant", "column": "b", "value": "x"}, {"rule": "mask", "column": "c"}, {"rule": "ciphertext", "column": "d"}
    )
    reader = RowReader(client, "t", dict.fromkeys("abcde", TEXT), policy=rules)
    assert data(reader.row(result)) == {"a": "1", "b": "x", "c": None, "d": None, "e": None, "_extra": None}


def test_only_selected_columns_are_opened(client, results, opened):
    [result] = results({"a": "1", "b": "2", "unknown": "3"})
    reader = RowReader(client, "t", {"a": TEXT, "b": TEXT}, {"a"})
    assert data(reader.row(result)) == {"a": "1"}
    assert opened == [result.record_data["a"]]
    assert (reader.counts.decrypted, reader.counts.untouched) == (1, 2)


def test_nothing_to_open_needs_no_access_key(stranger, results, opened):
    [result] = results({"a": "1"})
    reader = RowReader(stranger, "t", {"a": TEXT}, policy=policy({"rule": "ciphertext", "column": "a"}))
    assert data(reader.row(result))["a"] == result.record_data["a"]
    assert opened == []


def test_the_schema_follows_the_rule(client):
    rules = policy({"rule": "mask", "column": "a"}, {"rule": "constant", "column": "b", "value": True}, {"rule": "drop", "column": "c"})
    columns = RowReader(client, "t", {name: {"type": "integer"} for name in "abcd"}, policy=rules).columns()
    assert columns["a"] == TEXT
    assert columns["b"] == {"type": ["boolean", "null"]}
    assert "c" not in columns
    assert columns["d"] == {"type": ["integer", "null"]}


def test_values_are_read_before_a_rule_sees_them(client, results):
    [result] = results({"id": "5.0", "name": '"5"'})
    fields_ = {"id": NUMBER, "name": {"type": ["string", "integer", "null"]}}
    reader = RowReader(client, "t", fields_, policy=policy({"rule": "pseudonym", "column": "*"}), pseudonymiser=KEY)
    row = reader.row(result)
    assert row["id"] == row["name"] == KEY.pseudonym("5", KEY.domain())


def test_unknown_fields_go_into_one_column_as_their_rules_say(client, results, opened, caplog):
    records = results({"a": "1", "new": "2", "my_secret": "3", "sealed": "4", "none": "5"}, {"a": "1"})
    rules = policy(
        {"rule": "drop", "column": "*secret*"},
        {"rule": "ciphertext", "column": "sealed"},
        {"rule": "null", "column": "none"},
        on_missing="warn",
    )
    reader = RowReader(client, "t", {"a": TEXT}, policy=rules)
    with caplog.at_level(logging.WARNING):
        first, second = (data(reader.row(result)) for result in records)
    assert first == {"a": "1", "_extra": {"new": "2", "sealed": records[0].record_data["sealed"], "none": None}}
    assert second == {"a": "1", "_extra": None}
    assert reader.columns()["_extra"]["type"] == ["object", "null"]
    assert records[0].record_data["my_secret"] not in opened
    assert msgspec.structs.astuple(reader.counts.columns()["_extra"]) == (1, 0, 1, 2)
    assert "field new of t is in no schema and goes into _extra" in caplog.text
    assert "field my_secret of t is in no schema and is left out" in caplog.text


def test_unknown_fields_are_dropped_unopened_or_an_error(client, results, opened):
    [result] = results({"a": "1", "new": "2"})
    reader = RowReader(client, "t", {"a": TEXT}, unknown_fields="drop")
    assert data(reader.row(result)) == {"a": "1"}
    assert "_extra" not in reader.columns()
    assert opened == [result.record_data["a"]]
    with pytest.raises(ValueMismatch, match=f"record {result.meta.record_id}, column new: no schema"):
        RowReader(client, "t", {"a": TEXT}, unknown_fields="error").row(result)
    strict = RowReader(client, "t", {"a": TEXT}, policy=policy(default="drop"))
    assert data(strict.row(result)) == {"_extra": None}
    with pytest.raises(UsageError, match="json_column, drop, error"):
        RowReader(client, "t", {}, unknown_fields="ignore")


def test_a_field_called_like_the_column_of_unknown_ones_is_renamed(client, results):
    [result] = results({"_extra": "1", "new": "2"})
    row = data(RowReader(client, "t", {"_extra": TEXT}).row(result))
    assert row.pop("_extra") == {"new": "2"}
    assert list(row.values()) == ["1"]


@pytest.mark.parametrize(
    ("schema", "text", "words"),
    [
        (INTEGER, "secret", "is no JSON"),
        (INTEGER, '"secret"', "this is string, and the column holds integer"),
        (INTEGER, "1.5", "this is number"),
        (INTEGER, "true", "this is boolean"),
        (NUMBER, "[]", "this is array"),
        (NUMBER, "NaN", "is no JSON"),
        (NUMBER, "1e99999999999999999999999", "is no JSON"),
        (OBJECT, "1", "this is integer, and the column holds object"),
        (OBJECT, r'{"a": "\ud800"}', "half a character"),
        ({}, r'"\udfff"', "half a character"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_record_and_column_only(schema, text, words, client, results):
    [result] = results({"col": text})
    with pytest.raises(ValueMismatch, match=words) as caught:
        RowReader(client, "t", {"col": schema}).row(result)
    assert (caught.value.record_id, caught.value.column) == (result.meta.record_id, "col")
    assert f"record {result.meta.record_id}, column col: " in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (INTEGER, "5", 5),
        (INTEGER, "5.0", Decimal("5.0")),
        (INTEGER, "null", None),
        (NUMBER, "5", 5),
        ({"type": "integer"}, "null", None),
        ({}, "[1]", [1]),
        ({"anyOf": [{"type": "string"}]}, "1", 1),
        (OBJECT, r'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (TEXT, r"\ud800", r"\ud800"),
    ],
)
def test_a_value_that_fits_is_shown(schema, text, value, client, results):
    [result] = results({"col": text})
    assert RowReader(client, "t", {"col": schema}).row(result)["col"] == value


def test_a_field_that_does_not_open_is_named(client, results):
    [one, other] = results({"a": "1", "b": "2"}, {"a": "secret"})
    broken = msgspec.structs.replace(one, record_data={"a": "no quad"})
    with pytest.raises(EncodingError, match=f"record {one.meta.record_id}, field a: "):
        RowReader(client, "t", {"a": TEXT}).row(broken)
    parts = [*one.record_data["a"].split(".")[:2], *other.record_data["a"].split(".")[2:]]
    with pytest.raises(DecryptionError, match=f"record {one.meta.record_id}, field a: ") as caught:
        RowReader(client, "t", {"a": TEXT}).row(msgspec.structs.replace(one, record_data={"a": ".".join(parts)}))
    assert "secret" not in str(caught.value)


def test_a_policy_that_does_not_fit_is_refused_before_anything_is_read(client):
    with pytest.raises(ConfigError, match=r"rules\[0\].column"):
        RowReader(client, "t", {"a": TEXT}, policy=policy({"rule": "drop", "column": "b"}))
    with pytest.raises(ConfigError, match="pseudonym_key"):
        RowReader(client, "t", {"a": TEXT}, policy=policy({"rule": "pseudonym", "column": "a"}))


@pytest.mark.proof
def test_fields_that_are_not_needed_are_never_opened(client, results, opened, proof):
    """A hundred of each record: 20 dropped, 20 nulled, 20 passed through, 20 not selected, 20 in no schema."""
    kept = ["a", "b", "c"]
    idle = {fate: [f"{fate}{number}" for number in range(20)] for fate in ("drop", "null", "ciphertext", "unselected", "unknown")}
    [result] = results({name: name for name in sum(idle.values(), kept)})
    rules = policy({"rule": "mask", "column": "c"}, *({"rule": rule, "column": f"{rule}*"} for rule in ("drop", "null", "ciphertext")))
    schema = {name: TEXT for name in result.record_data if name not in idle["unknown"]}
    selected = schema.keys() - idle["unselected"]
    reader = RowReader(client, "t", schema, selected, policy=rules, unknown_fields="drop")
    size = proof.size(50, 1000)
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda _: reader.row(result), range(size)))
    needed = {result.record_data[name] for name in kept}
    wrongly = sum(quad not in needed for quad in opened)
    total = reader.counts.total()
    assert wrongly == 0
    assert len(opened) == total.decrypted == 3 * size
    assert (total.untouched, total.passed_through) == (80 * size, 20 * size)
    assert all((row["a"], row["c"]) == ("a", "*") for row in rows)
    proof.report("fields that no rule needs open", tried=100 * size, opened=wrongly)


@pytest.mark.parametrize("columns", ["email", b"email", [1], 7])
def test_columns_are_several(columns, client):
    """A text would also have every column that it contains: ``mail``, and that would be opened."""
    with pytest.raises(UsageError):
        RowReader(client, "t", {"mail": TEXT, "email": TEXT}, columns)


def test_writers_are_several(client):
    with pytest.raises(UsageError, match="writer_ids is a list of texts, not str"):
        read_pages(client, "t", fields={}, writer_ids=str(client.client_id))


def test_a_field_that_has_no_schema_is_refused(client):
    with pytest.raises(UsageError, match="column 'a': its schema has a wrong type"):
        RowReader(client, "t", {"a": {"type": 5}})
