"""Policies as people write them, and the words for what is wrong with one."""

import importlib
import json
import re
from pathlib import Path

import jsonschema
import pytest

import e3db_connectors.policy
from e3db_connectors.errors import ConfigError
from e3db_connectors.policy import Policy, document, json_schema

GOOD = {
    "$schema": "policy.schema.json",
    "version": 1,
    "default": "drop",
    "on_missing": "warn",
    "rules": [
        {"rule": "decrypt", "column": "name"},
        {"rule": "drop", "column": "secret*"},
        {"rule": "null", "column": "a", "record_type": "contact"},
        {"rule": "constant", "column": "b", "value": 1},
        {"rule": "mask", "column": "iban", "keep_first": 2, "keep_last": 4, "character": "#", "length": 5},
        {"rule": "truncate", "column": "zip", "length": 2},
        {"rule": "pseudonym", "column": "email", "domain": "x"},
        {"rule": "ciphertext", "column": "note"},
    ],
}


@pytest.fixture
def write(tmp_path):
    def file(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return file


YAML = """
default: drop
on_missing: warn
rules:
  - {rule: decrypt, column: name}
  - rule: mask
    column: iban
    keep_last: 4
  - {rule: null, column: born}
"""


def test_json_and_yaml_say_the_same(write):
    as_json = {"default": "drop", "on_missing": "warn"}
    as_json["rules"] = [{"rule": "decrypt", "column": "name"}, {"rule": "mask", "column": "iban", "keep_last": 4}]
    as_json["rules"].append({"rule": "null", "column": "born"})
    policy = Policy.from_value(as_json)
    assert Policy.from_file(write("p.json", json.dumps(as_json))) == policy
    assert Policy.from_file(write("p.yaml", YAML)) == Policy.from_file(str(write("p.YML", YAML))) == policy


@pytest.mark.parametrize(
    ("place", "policy"),
    [
        ("", []),
        ("rules", {"rules": 1}),
        ("rules[0]", {"rules": ["drop"]}),
        ("rules[1].column", {"rules": [GOOD["rules"][0], {"rule": "drop", "column": 1}]}),
        ("rules[0].column", {"rules": [{"rule": "drop"}]}),
        ("rules[0].column", {"rules": [{"rule": "drop", "column": ""}]}),
        ("rules[0].rule", {"rules": [{"column": "a"}]}),
        ("rules[0].rule", {"rules": [{"rule": "hide", "column": "a"}]}),
        ("rules[0].value", {"rules": [{"rule": "constant", "column": "a"}]}),
        ("rules[0].value", {"rules": [{"rule": "constant", "column": "a", "value": None}]}),
        ("rules[0].value", {"rules": [{"rule": "constant", "column": "a", "value": float("nan")}]}),
        ("rules[0].keep_last", {"rules": [{"rule": "mask", "column": "a", "keep_last": -1}]}),
        ("rules[0].character", {"rules": [{"rule": "mask", "column": "a", "character": "xx"}]}),
        ("rules[0].length", {"rules": [{"rule": "truncate", "column": "a"}]}),
        ("rules[0].key", {"rules": [{"rule": "pseudonym", "column": "a", "key": "x"}]}),
        ("rules[0].column", {"rules": [{"rule": "drop", "column": "_e3db_record_id"}]}),
        ("rules[0].column", {"rules": [{"rule": "null", "column": "_E3DB_last_modified"}]}),
        ("rules[0].column", {"rules": [{"rule": "pseudonym", "column": "_e3db_*"}]}),
        ("default", {"default": "mask"}),
        ("on_missing", {"on_missing": "ignore"}),
        ("version", {"version": 2}),
        ("rulez", {"rulez": []}),
    ],
)
def test_an_error_names_its_place(place, policy):
    with pytest.raises(ConfigError) as caught:
        Policy.from_value(policy)
    assert re.match(rf"the policy: {re.escape(place)}: " if place else "the policy: Expected", str(caught.value)), caught.value


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("p.json", "{", "is no JSON (line 1"),
        ("p.json", '{"rules": [], "rules": []}', "twice"),
        ("p.json", "[" * 100_000, "is no JSON"),
        ("p.yaml", "a: [", "is no YAML (line"),
        ("p.yaml", "rules: []\nrules: []", "twice"),
        ("p.yaml", "? [a]\n: 1", "is no YAML"),
        ("p.yaml", "!!python/object:os.system {}", "is no YAML"),
        ("p.yaml", "x: 2024-13-45", "is no YAML"),
        ("p.yaml", "x: !!int x", "is no YAML"),
        ("p.yaml", "x: !!map [1]", "is no YAML"),
        ("p.yaml", "x: !!set [1]", "is no YAML"),
        ("p.json", '{"rules": 1}', "rules: Expected `array`"),
        ("p.json", '{"rules": [{"rule": "hide"}]}', "rules[0].rule: Invalid value 'hide'; the rules are decrypt, drop,"),
    ],
)
def test_a_file_that_is_none_is_named(write, name, text, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        Policy.from_file(write(name, text))
    assert str(write(name, text)) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the policy"):
        Policy.from_file(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="no UTF-8"):
        Policy.from_file(tmp_path / "latin.json")


def test_without_pyyaml_yaml_is_refused_with_what_to_do(write, monkeypatch):
    def importing(name):
        raise ImportError(name)

    monkeypatch.setattr(document, "import_module", importing)
    with pytest.raises(ConfigError, match="pip install pyyaml"):
        Policy.from_file(write("p.yaml", YAML))
    assert importlib.import_module is not importing


def test_the_shipped_schema_is_that_of_the_code_and_says_the_same():
    shipped = json.loads(Path(e3db_connectors.policy.__file__).with_name("policy.schema.json").read_text())
    assert shipped == json.loads(json.dumps(json_schema()))
    validator = jsonschema.Draft202012Validator(shipped)
    validator.validate(GOOD)
    Policy.from_value(GOOD)
    for bad in ({"rules": [{"rule": "drop"}]}, {"rules": [{"rule": "mask", "column": "a", "keep_last": -1}]}, {"rulez": 1}):
        assert not validator.is_valid(bad)
