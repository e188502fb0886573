"""How a search's terms are compared (protocol section 11.3): on whole strings, in time that a term's author cannot blow up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import re2
from rapidfuzz.distance import OSA

from e3db_connectors.server.problem import Problem
from e3db_connectors.wire.search import Strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    Matcher = Callable[[str], bool]

PATTERN_MAX: Final = 1_000
"""Characters of a pattern."""

_MEMORY_MAX: Final = 1 << 20
"""Bytes that a compiled pattern may take."""

_ONE_EDIT_FROM: Final = 3
_TWO_EDITS_FROM: Final = 6

_UNSUPPORTED: Final = '~&<>@#"'
"""Operators of Lucene that are left out; each can be escaped to stand for itself."""

_ESCAPED: Final = re.compile(r"\\.|\[[^]]*\]", re.DOTALL)
_REPETITION: Final = re.compile(r"\{\d{1,3}(,\d{0,3})?\}", re.ASCII)
_SPECIAL: Final = frozenset(".?+*|{},()")


def matcher(strategy: str, term: str) -> Matcher:
    """What decides whether a string matches a term.

    Raises:
        Problem: The term is too long, or no pattern.
    """
    if len(term) > PATTERN_MAX:
        raise Problem(400, f"a term may have {PATTERN_MAX} characters")
    if strategy == Strategy.FUZZY:
        return _fuzzy(term)
    return _compiled(_wildcard(term) if strategy == Strategy.WILDCARD else _regexp(term))


def _fuzzy(term: str) -> Matcher:
    """Optimal string alignment with as many edits as Elasticsearch's AUTO allows for the term's length."""
    edits = (len(term) >= _ONE_EDIT_FROM) + (len(term) >= _TWO_EDITS_FROM)

    def matches(text: str) -> bool:
        return bool(OSA.distance(term, text, score_cutoff=edits) <= edits)

    return matches


def _compiled(pattern: str) -> Matcher:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY_MAX
    options.dot_nl = True
    try:
        found = re2.compile(pattern, options)
    except re2.error:
        raise Problem(400, "a pattern is malformed, or too large") from None
    return lambda text: found.fullmatch(text) is not None


def _wildcard(term: str) -> str:
    """``*`` is any run, ``?`` one character; a backslash takes the meaning from what follows it."""
    parts, characters = [], iter(term)
    for char in characters:
        if char == "\\":
            parts.append(re2.escape(next(characters, "\\")))
        else:
            parts.append({"*": ".*", "?": "."}.get(char) or re2.escape(char))
    return "".join(parts)


def _regexp(term: str) -> str:
    """Lucene's syntax in RE2's. Anchors at the ends say what holds anyway."""
    body = term.removeprefix("^")
    if body.endswith("$") and not _is_escaped(body):
        body = body[:-1]
    parts, characters, in_class = [], iter(body), False
    for char in characters:
        if char == "\\":
            parts.append(_escaped(next(characters, "")))
        elif in_class:
            parts.append("\\[" if char == "[" else char)
            in_class = char != "]"
        elif char in _UNSUPPORTED:
            raise Problem(400, f"the operator {char} is not supported in a REGEXP; write \\{char} for the character")
        else:
            in_class = char == "["
            parts.append(char if in_class or char in _SPECIAL else re2.escape(char))
    pattern = "".join(parts)
    bare = _ESCAPED.sub("", pattern)
    if "(?" in bare or "{" in _REPETITION.sub("", bare):
        raise Problem(400, "a REGEXP has no (?...) groups, and repetitions are {n}, {n,} or {n,m} of up to 999")
    return pattern


def _escaped(char: str) -> str:
    if not char or char.isalnum():
        raise Problem(400, "a backslash in a REGEXP stands before a character that is not a letter or digit; write [0-9] for digits")
    return str(re2.escape(char))


def _is_escaped(body: str) -> bool:
    """Whether the last character has an odd number of backslashes before it."""
    before = body[:-1]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
