"""What becomes of fields: which rule is whose, what is opened, what is shown."""

import logging

import pytest

from e3db_connectors.errors import ConfigError
from e3db_connectors.policy import ColumnPlan, Policy, Pseudonymiser

KEY = bytes(range(32))


def plan_of(*rules, columns=("a", "b"), record_type="t", selected=None, **settings):
    policy = Policy.from_value({"rules": list(rules), **settings})
    names = columns if isinstance(columns, dict) else dict(zip(columns, columns, strict=True))
    return ColumnPlan(policy, record_type, names, selected=selected, pseudonymiser=Pseudonymiser(KEY))


def kind(treatment):
    return type(treatment.rule).__name__.lower()


def kinds(plan):
    return {name: kind(treatment) for name, treatment in plan.fields.items()}


def test_without_rules_everything_is_decrypted_and_nothing_with_the_strict_default():
    assert kinds(plan_of()) == {"a": "decrypt", "b": "decrypt"}
    assert kinds(plan_of(default="drop")) == {"a": "drop", "b": "drop"}
    assert kinds(plan_of({"rule": "decrypt", "column": "a"}, default="drop")) == {"a": "decrypt", "b": "drop"}


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ([{"rule": "null", "column": "a"}, {"rule": "drop", "column": "a"}], {"a": "null", "b": "decrypt"}),
        ([{"rule": "null", "column": "*"}, {"rule": "drop", "column": "a"}], {"a": "null", "b": "null"}),
        ([{"rule": "null", "column": "[ab]"}], {"a": "null", "b": "null"}),
        ([{"rule": "null", "column": "A*"}], {"a": "decrypt", "b": "decrypt"}),
        ([{"rule": "null", "column": "?", "record_type": "other"}], {"a": "decrypt", "b": "decrypt"}),
        ([{"rule": "null", "column": "?", "record_type": "t*"}], {"a": "null", "b": "null"}),
    ],
)
def test_the_first_rule_that_fits_column_and_type_counts(rules, found):
    assert kinds(plan_of(*rules)) == found


def test_a_rule_may_name_the_field_or_its_column():
    columns = {"ID": "id_12345678", "a[b]": "a_b"}
    assert kinds(plan_of({"rule": "null", "column": "ID"}, columns=columns))["ID"] == "null"
    assert kinds(plan_of({"rule": "null", "column": "id_12345678"}, columns=columns))["ID"] == "null"
    assert kinds(plan_of({"rule": "null", "column": "a[b]"}, columns=columns))["a[b]"] == "null"


def test_what_is_not_selected_is_dropped_whatever_its_rule():
    plan = plan_of({"rule": "constant", "column": "a", "value": 1}, selected={"b"})
    assert kinds(plan) == {"a": "drop", "b": "decrypt"}
    assert list(plan.shown()) == ["b"]


def test_a_field_that_no_schema_knows_has_the_rule_of_its_name():
    plan = plan_of({"rule": "drop", "column": "*secret*"}, {"rule": "truncate", "column": "n*", "length": 1})
    assert kind(plan.unknown("my_secret", "_extra")) == "drop"
    assert kind(plan.unknown("name", "_extra")) == "truncate"
    assert kind(plan.unknown("other", "_extra")) == "decrypt"
    assert kind(plan.unknown("other", None)) == "drop"
    assert kind(plan_of(default="drop").unknown("other", "_extra")) == "drop"


@pytest.mark.parametrize("rule", ["drop", "null", "ciphertext"])
def test_rules_that_need_no_plaintext_do_not_open(rule):
    assert not plan_of({"rule": rule, "column": "a"}).fields["a"].rule.opens


def test_a_constant_does_not_open_and_the_others_do():
    assert not plan_of({"rule": "constant", "column": "a", "value": 1}).fields["a"].rule.opens
    for rule in ({"rule": "decrypt"}, {"rule": "mask"}, {"rule": "truncate", "length": 1}, {"rule": "pseudonym"}):
        assert plan_of({**rule, "column": "a"}).fields["a"].rule.opens


@pytest.mark.parametrize(
    ("rule", "value", "shown"),
    [
        ({"rule": "decrypt"}, {"a": 1}, {"a": 1}),
        ({"rule": "mask"}, "abcdef", "******"),
        ({"rule": "mask", "keep_last": 2}, "abcdef", "****ef"),
        ({"rule": "mask", "keep_first": 1, "keep_last": 2, "character": "x"}, "abcdef", "axxxef"),
        ({"rule": "mask", "keep_first": 3, "keep_last": 3}, "abcdef", "******"),
        ({"rule": "mask", "keep_last": 4}, "abc", "***"),
        ({"rule": "mask", "keep_last": 4, "length": 3}, "abc", "***"),
        ({"rule": "mask", "keep_last": 4, "length": 3}, "0123456789", "***6789"),
        ({"rule": "mask", "keep_last": 1}, 12345, "****5"),
        ({"rule": "mask"}, "", ""),
        ({"rule": "mask"}, None, None),
        ({"rule": "truncate", "length": 4}, "1990-01-31", "1990"),
        ({"rule": "truncate", "length": 4}, 19, "19"),
        ({"rule": "truncate", "length": 4}, {"b": 1, "a": 2}, '{"a"'),
        ({"rule": "truncate", "length": 4}, None, None),
        ({"rule": "pseudonym"}, None, None),
    ],
)
def test_what_is_shown(rule, value, shown):
    assert plan_of({**rule, "column": "a"}).fields["a"].value(value) == shown


@pytest.mark.parametrize(
    ("rule", "schema"),
    [
        ({"rule": "decrypt"}, {"type": "integer"}),
        ({"rule": "null"}, {"type": "integer"}),
        ({"rule": "constant", "value": True}, {"type": ["boolean", "null"]}),
        ({"rule": "constant", "value": 1}, {"type": ["integer", "null"]}),
        ({"rule": "constant", "value": 1.5}, {"type": ["number", "null"]}),
        ({"rule": "constant", "value": "x"}, {"type": ["string", "null"]}),
        ({"rule": "mask"}, {"type": ["string", "null"]}),
        ({"rule": "truncate", "length": 1}, {"type": ["string", "null"]}),
        ({"rule": "pseudonym"}, {"type": ["string", "null"]}),
        ({"rule": "ciphertext"}, {"type": ["string", "null"]}),
    ],
)
def test_what_the_column_is_afterwards(rule, schema):
    assert plan_of({**rule, "column": "a"}).fields["a"].rule.schema({"type": "integer"}) == schema


def test_a_rule_that_names_no_column_fails_or_warns(caplog):
    rules = [{"rule": "drop", "column": "a"}, {"rule": "drop", "column": "emial"}, {"rule": "drop", "column": "x*"}]
    with pytest.raises(ConfigError, match=r"rules\[1\].column: type t has no column emial"):
        plan_of(*rules)
    with caplog.at_level(logging.WARNING):
        assert kinds(plan_of(*rules, on_missing="warn")) == {"a": "drop", "b": "decrypt"}
    assert "emial" in caplog.text
    assert "x*" not in caplog.text


def test_a_rule_for_another_type_or_a_type_of_which_nothing_is_known_is_not_missing():
    rule = {"rule": "drop", "column": "c", "record_type": "other"}
    assert kinds(plan_of(rule)) == {"a": "decrypt", "b": "decrypt"}
    assert kinds(plan_of(rule, record_type="other", columns=())) == {}


def test_pseudonyms_need_a_key_only_where_they_are_made():
    policy = Policy.from_value({"rules": [{"rule": "pseudonym", "column": "a", "record_type": "t"}]})
    with pytest.raises(ConfigError, match="E3DB_PSEUDONYM_KEY"):
        ColumnPlan(policy, "t", {"a": "a"})
    assert kinds(ColumnPlan(policy, "other", {"a": "a"})) == {"a": "decrypt"}


def test_pseudonyms_of_one_key_join_across_types_columns_and_runs():
    rule = {"rule": "pseudonym", "column": "*"}
    one, other = plan_of(rule), plan_of(rule, record_type="other", columns=("customer",))
    assert one.fields["a"].value("Ada") == one.fields["b"].value("Ada") == other.fields["customer"].value("Ada")
    apart = plan_of({**rule, "domain": "research"})
    assert apart.fields["a"].value("Ada") != one.fields["a"].value("Ada")
