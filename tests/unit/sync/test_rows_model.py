"""Any policy on any record, against a plain reading of the rules: what is opened, what is shown, what is counted."""

import json
from fnmatch import fnmatchcase
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e3db_connectors.errors import ValueMismatch
from e3db_connectors.policy import Policy, Pseudonymiser
from e3db_connectors.sync.rows import META_COLUMNS, RowReader
from e3db_connectors.sync.values import TEXT
from e3db_connectors.wire.records import Meta, Result

NAMES = ("name", "email", "email_2", "note", "iban")
OPENING = {"decrypt", "mask", "truncate", "pseudonym"}
OPTIONS = {"constant": {"value": "fixed"}, "truncate": {"length": 3}}
META = Meta("w", "u", "contact", None, "id", "v", "2026-01-01T00:00:00.000001Z", "2026-01-01T00:00:00.000001Z")

rules = st.builds(
    lambda rule, column, record_type: {"rule": rule, "column": column, "record_type": record_type, **OPTIONS.get(rule, {})},
    st.sampled_from(["decrypt", "drop", "null", "constant", "mask", "truncate", "pseudonym", "ciphertext"]),
    st.sampled_from([*NAMES, "*", "email*", "n*", "?ote"]),
    st.sampled_from(["*", "contact", "con*", "other"]),
)
subsets = st.sets(st.sampled_from(NAMES))


class Spy:
    """A client that notes what it is asked to open."""

    def __init__(self):
        self.opened = []

    def open(self, result, fields):
        self.opened += [name for name in result.record_data if name in fields]
        return SimpleNamespace(data={name: f"plaintext of {name}" for name in self.opened})


def fate(name, policy, known, selected, unknown_fields):
    """The rule of a field, as a reader of the documentation would say."""
    wanted = name if name in known else "_extra"
    if (selected is not None and wanted not in selected) or (wanted == "_extra" and unknown_fields != "json_column"):
        return "unselected"
    for rule in policy["rules"]:
        if fnmatchcase("contact", rule["record_type"]) and fnmatchcase(name, rule["column"]):
            return rule["rule"]
    return policy["default"]


@settings(max_examples=300)
@given(
    policy=st.fixed_dictionaries(
        {"rules": st.lists(rules, max_size=5), "default": st.sampled_from(["decrypt", "drop"]), "on_missing": st.just("warn")}
    ),
    present=subsets,
    known=subsets,
    selected=st.none() | st.sets(st.sampled_from([*NAMES, "_extra"])),
    unknown_fields=st.sampled_from(["json_column", "drop", "error"]),
)
def test_only_what_a_rule_shows_is_opened_and_shown(policy, present, known, selected, unknown_fields):
    spy = Spy()
    key = Pseudonymiser(bytes(32))
    reader = RowReader(
        spy,
        "contact",
        dict.fromkeys(sorted(known), TEXT),
        selected,
        policy=Policy.from_value(policy),
        pseudonymiser=key,
        unknown_fields=unknown_fields,
    )
    result = Result(META, {name: f"sealed {name}" for name in sorted(present)})
    if unknown_fields == "error" and present - known:
        with pytest.raises(ValueMismatch, match="record id, column "):
            reader.row(result)
        assert spy.opened == []
        return
    row = reader.row(result)
    fates = {name: fate(name, policy, known, selected, unknown_fields) for name in NAMES}
    assert set(spy.opened) == {name for name in present if fates[name] in OPENING}
    expected = {
        "decrypt": lambda name: f"plaintext of {name}",
        "mask": lambda name: "*" * len(f"plaintext of {name}"),
        "truncate": lambda _name: "pla",
        "pseudonym": lambda name: key.pseudonym(f"plaintext of {name}", key.domain()),
        "ciphertext": lambda name: f"sealed {name}",
        "constant": lambda _name: "fixed",
        "null": lambda _name: None,
    }
    for name in NAMES:
        shown = fates[name] in expected
        if name in known:
            assert (name in row) is shown
            there = name in present or fates[name] == "constant"
            assert not shown or row[name] == (expected[fates[name]](name) if there else None)
        elif name in present:
            assert (name in (row.get("_extra") or {})) is shown
            assert not shown or row["_extra"][name] == expected[fates[name]](name)
        if fates[name] != "decrypt":
            assert f'"plaintext of {name}"' not in json.dumps(row)
    assert row.keys() == reader.columns().keys()
    assert row.keys() - META_COLUMNS.keys() <= {*NAMES, "_extra"}
    counts = msgspec.structs.asdict(reader.counts.total())
    assert sum(counts.values()) == len(present)
    assert counts["decrypted"] + counts["pseudonymised"] == len(spy.opened)
