"""A policy as people write it: JSON or YAML, checked against what there is; an error names its place (``rules[2].column``)."""

from __future__ import annotations

import json
import re
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self, get_args

import msgspec
from msgspec import Meta

from e3db_connectors.errors import ConfigError
from e3db_connectors.policy.rules import AnyRule, Constant, Decrypt, Drop, Pseudonym, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

RESERVED_PREFIX: Final = "_e3db_"
"""What the names of meta columns begin with: the key, the cursor, and what describes a record."""

_PLACE: Final = re.compile(r"(?P<words>.*?)(?: - at `\$\.?(?P<place>.*)`)?", re.DOTALL)
_MEMBER: Final = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<name>.*)`", re.DOTALL)


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules on columns. The first rule that fits a column is its rule.

    Args:
        rules: The rules, in their order.
        default: What becomes of a column that no rule fits: `decrypt`, or `drop`, which is strict.
        on_missing: What a rule does that names a column which does not exist: `fail` or `warn`.

    Raises:
        ConfigError: A rule concerns a meta column, or a constant is no number.
    """

    rules: Annotated[tuple[AnyRule, ...], Meta(description="The first one that fits a column is its rule.")] = ()
    default: Annotated[Literal["decrypt", "drop"], Meta(description="What becomes of columns that no rule fits.")] = "decrypt"
    on_missing: Annotated[Literal["fail", "warn"], Meta(description="When a rule names a column that does not exist.")] = "fail"
    version: Annotated[Literal[1], Meta(description="Of this format.")] = 1
    schema_address: Annotated[str, Meta(description="For editors.")] = msgspec.field(name="$schema", default="")

    def __post_init__(self) -> None:
        """Check what a schema cannot say."""
        for number, rule in enumerate(self.rules):
            if re.split(r"[*?\[]", rule.column)[0].lower().startswith(RESERVED_PREFIX):
                raise ConfigError(f"rules[{number}].column: {rule.column} is a meta column: without it there is no key, no cursor, no join")
            if isinstance(rule, Constant) and isinstance(rule.constant, float) and not isfinite(rule.constant):
                raise ConfigError(f"rules[{number}].value: JSON has no such number")

    @classmethod
    def from_value(cls, value: Any, *, source: str = "the policy") -> Self:
        """Take a policy as parsed JSON or YAML.

        Raises:
            ConfigError: It is none. The text names the place.
        """
        try:
            return msgspec.convert(value, cls)
        except ConfigError as exc:
            raise ConfigError(f"{source}: {exc}") from None
        except msgspec.ValidationError as exc:
            raise ConfigError(f"{source}: {_with_place(str(exc))}") from None

    @classmethod
    def from_file(cls, path: Path | str) -> Self:
        """Read a policy: ``.yaml`` and ``.yml`` files as YAML, which needs PyYAML, others as JSON.

        Raises:
            ConfigError: It cannot be read or is no policy.
        """
        path, source = Path(path), f"policy {path}"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as exc:
            raise ConfigError(f"cannot read the {source}: {getattr(exc, 'strerror', 'no UTF-8 text')}") from None
        parse = _parse_yaml if path.suffix.lower() in {".yaml", ".yml"} else _parse_json
        return cls.from_value(parse(text, source), source=source)

    def rule_of(self, record_type: str, *names: str) -> Rule:
        """The rule of a column under its names: the first that fits, else the default."""
        for rule in self.rules:
            if rule.covers_type(record_type) and rule.covers_column(*names):
                return rule
        return (Drop if self.default == "drop" else Decrypt)(column=names[0])

    def missing(self, record_type: str, names: set[str]) -> list[str]:
        """What is wrong with rules that name a column of this type, none of *names*."""
        return [
            f"rules[{number}].column: type {record_type} has no column {rule.column}"
            for number, rule in enumerate(self.rules)
            if rule.covers_type(record_type) and rule.names_one and rule.column not in names
        ]

    def needs_key(self, record_type: str) -> bool:
        """Whether there may be pseudonyms in this type."""
        return any(isinstance(rule, Pseudonym) and rule.covers_type(record_type) for rule in self.rules)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a policy, as it is shipped in ``policy.schema.json``."""
    schema = msgspec.json.schema(Policy)
    for definition in schema["$defs"].values():  # docstrings speak to programmers
        definition["description"] = definition["description"].partition("\n\n")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Column policy of e3db-connectors", **schema}


def _with_place(message: str) -> str:
    """A message of msgspec with the place first, as in ``rules[2].column: Expected `str`, got `int```."""
    match = _PLACE.fullmatch(message)
    words, place = (match["words"], match["place"] or "") if match else (message, "")
    if member := _MEMBER.fullmatch(words):
        place = f"{place}.{member['name']}".lstrip(".")
        words = "there is no such member" if member["what"].startswith("contains") else "this is missing"
    if words.startswith("Invalid value") and place.endswith(".rule"):
        words += f"; the rules are {', '.join(rule.__struct_config__.tag for rule in get_args(AnyRule))}"
    return f"{place}: {words}" if place else words


def _parse_json(text: str, source: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as exc:
        where = f" (line {exc.lineno}: {exc.msg})" if isinstance(exc, json.JSONDecodeError) else f" ({exc})"
        raise ConfigError(f"the {source} is no JSON{where}") from None


def _without_doubles(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) < len(members):
        raise ValueError("a member is there twice, and one of them would be lost")
    return made


def _parse_yaml(text: str, source: str) -> Any:
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise ConfigError(f"the {source} is YAML, which needs PyYAML: pip install pyyaml, or write it as JSON") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined] # it is there or not
        def construct_mapping(self, node: Any, deep: bool = False) -> Mapping[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
            keys = [str(key.value) for key, _ in node.value]
            for key, value in node.value:
                if key.value == "rule" and value.value == "null":  # the rule of this name, which YAML takes for nothing
                    value.tag = "tag:yaml.org,2002:str"
            if len(set(keys)) < len(keys):
                raise yaml.constructor.ConstructorError(None, None, "a member is there twice", node.start_mark)
            return super().construct_mapping(node, deep)  # type: ignore[no-any-return]

    try:
        return yaml.load(text, Loader)
    except (
        yaml.YAMLError,
        ArithmeticError,
        AttributeError,
        RecursionError,
        TypeError,
        ValueError,
    ) as exc:  # tags that lie, dates that are none
        mark = getattr(exc, "problem_mark", None)
        where = f" (line {mark.line + 1}: {exc.problem})" if mark else ""  # type: ignore[union-attr]
        raise ConfigError(f"the {source} is no YAML{where}") from None
