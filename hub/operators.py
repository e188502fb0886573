"""Write the tables of arguments in docs/airflow.md: names, types and defaults from the operators' signatures, the rest from their docstrings.

`make hub` runs it; a test says when it has to run again.
"""
# ruff: noqa: INP001 - a script, and no package

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

GUIDE = Path(__file__).parents[1] / "docs" / "airflow.md"
PACKAGE = "e3db_connectors.airflow"
TABLE = re.compile(r"(<!-- arguments of ([\w., ]+) -->\n)(?s:.*?)(<!-- end -->)")
PLAIN_TYPES = {"Rows": "Callable | Iterable[Mapping[str, Any]]", "Schema": "dict[str, Any]", "UnknownFields": "str"}
"""The package's own names for types; what a value may be is in the docstring."""


def parameters(operator: type[BaseOperator]) -> dict[str, inspect.Parameter]:
    """The keyword arguments of an operator, without those of Airflow's own bases."""
    found: dict[str, inspect.Parameter] = {}
    for kind in operator.__mro__:
        if kind.__module__.startswith(PACKAGE) and "__init__" in vars(kind):
            own = inspect.signature(kind.__init__).parameters
            found |= {name: each for name, each in own.items() if each.kind is each.KEYWORD_ONLY and name not in found}
    return found


def descriptions(operator: type[BaseOperator]) -> dict[str, str]:
    """What the operator's own docstring says of arguments."""
    parts = re.findall(r"^:param (\w+): (.*(?:\n +.*)*)", inspect.cleandoc(operator.__doc__ or ""), re.MULTILINE)
    return {name: " ".join(words.split()).removesuffix(" (templated)").replace("``", "`") for name, words in parts}


def table(*operators: type[BaseOperator]) -> str:
    """The arguments that the docstrings of an operator and its bases describe, as a table of Markdown; templated ones are in italics.

    Args:
        operators: Bases, whose arguments come first; and the operator.
    """
    operator = operators[-1]
    known = parameters(operator)
    rows = ["| Argument | Type | Default | Meaning |", "|---|---|---|---|"]
    for name, words in (each for kind in operators for each in descriptions(kind).items()):
        shown = f"*`{name}`*" if name in operator.template_fields else f"`{name}`"
        default = known[name].default
        value = "required" if default is inspect.Parameter.empty else f"`{_default(default)}`"
        rows.append(f"| {shown} | {_type(known[name])} | {value} | {words} |")
    return "\n".join(rows) + "\n"


def _type(parameter: inspect.Parameter) -> str:
    """The annotation in words; that an argument may be left out is said by its default."""
    annotation = re.sub(r"\w+", lambda name: PLAIN_TYPES.get(name[0], name[0]), parameter.annotation)
    kinds = [kind for kind in annotation.split(" | ") if kind != "None"]
    return " or ".join(f"`{kind}`" for kind in kinds)


def _default(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def operators_of(names: str) -> list[type[BaseOperator]]:
    """The classes that a mark of the guide names."""
    parts = [name.rpartition(".") for name in names.split(", ")]
    return [getattr(import_module(f"{PACKAGE}.{module}"), kind) for module, _, kind in parts]


def text() -> str:
    """The guide, with its tables written anew."""
    guide = GUIDE.read_text(encoding="utf-8")
    return TABLE.sub(lambda found: f"{found[1]}\n{table(*operators_of(found[2]))}\n{found[3]}", guide)


if __name__ == "__main__":
    GUIDE.write_text(text(), encoding="utf-8")
