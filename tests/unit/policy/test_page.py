"""What docs/policy.md shows is so."""

import json
import re
from pathlib import Path

import pytest
import yaml

from e3db_connectors.errors import ConfigError
from e3db_connectors.policy import ColumnPlan, Policy, Pseudonymiser, json_schema, rules

PAGE = (Path(__file__).parents[3] / "docs" / "policy.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_example_is_a_policy_and_yaml_says_the_same():
    [example, schema] = map(json.loads, blocks("json"))
    [as_yaml] = blocks("yaml")
    assert Policy.from_value(example) == Policy.from_value(yaml.safe_load(as_yaml))
    assert schema == json.loads(json.dumps(json_schema()))


def test_the_table_of_rules_is_complete_and_true():
    lines = {match[1]: line for line in PAGE.splitlines() if (match := re.match(r"\| `(\w+)` \|", line))}
    kinds = {kind.__struct_config__.tag: kind for kind in rules.AnyRule.__args__}
    assert lines.keys() == kinds.keys()
    for name, kind in kinds.items():
        *_, opens, members = (cell.strip() for cell in lines[name].strip("|").split("|"))
        assert (opens == "yes") is kind.opens, name
        assert set(re.findall(r"`([a-z_]+)`", members)) == set(kind.__struct_encode_fields__) - {"column", "record_type"}, name


def test_a_pseudonym_looks_as_described():
    plan = ColumnPlan(Policy.from_value(json.loads(blocks("json")[0])), "t", {}, pseudonymiser=Pseudonymiser(bytes(32)))
    assert re.fullmatch(r"p1\.[0-9a-f]{8}\.[A-Za-z0-9_-]{43}", plan.unknown("email", "_extra").value("a@b.c"))


def test_the_error_reads_as_described():
    with pytest.raises(ConfigError, match=re.escape("rules[2].keep_last: Expected `int` >= 0")):
        Policy.from_value({"rules": [*[{"rule": "drop", "column": "a"}] * 2, {"rule": "mask", "column": "b", "keep_last": -1}]})
