"""The error tree."""

import inspect
import re

import pytest

from e3db_connectors import errors

CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, errors.E3DBError)]


def test_the_docstring_draws_the_whole_tree():
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__)
    assert sorted([*drawn, "E3DBError"]) == sorted(item.__name__ for item in CLASSES)


@pytest.mark.parametrize("line", re.findall(r"^.*── \w+", errors.__doc__, re.MULTILINE))
def test_the_tree_draws_each_class_below_its_base(line):
    name = line.rsplit(" ", 1)[1]
    above = errors.__doc__[: errors.__doc__.index(line)].splitlines()
    depth = line.index("──")
    base = "E3DBError" if depth == 5 else next(item for item in reversed(above) if "── " in item and item.index("──") < depth)
    base = re.search(r"── (\w+)", base).group(1) if "──" in base else base
    assert getattr(errors, base) in getattr(errors, name).__mro__[1:]


@pytest.mark.parametrize("item", CLASSES)
def test_each_says_what_to_do(item):
    assert isinstance(item.recovery, errors.Recovery)
