"""The rules: what becomes of the fields of a column, whether they have to be opened for it, and what the column is then."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from e3db_connectors.policy.texts import canonical

TEXT: Final = {"type": ["string", "null"]}
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}
_WILDCARD: Final = re.compile(r"[*?\[]")

Bucket = Literal["decrypted", "pseudonymised", "passed_through", "untouched"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="rule"):
    """A rule on the columns of a name.

    Args:
        column: Name of a field or its column, or a pattern of them.
        record_type: Type of the records, or a pattern.
    """

    bucket: ClassVar[Bucket]
    """Where its fields are counted."""
    opens: ClassVar[bool] = False
    """Whether the plaintext is needed."""
    shown: ClassVar[bool] = True
    """Whether there is a column at all."""
    column: Annotated[str, Meta(min_length=1, description="Name of a field or its column, or a pattern with * and ?.")]
    record_type: Annotated[str, Meta(min_length=1, description="Type of the records, or a pattern.")] = "*"

    @property
    def names_one(self) -> bool:
        """Whether it names a column, rather than a pattern of them."""
        return not _WILDCARD.search(self.column)

    def covers_type(self, record_type: str) -> bool:
        """Whether records of a type are its concern."""
        return _matches(self.record_type, record_type)

    def covers_column(self, *names: str) -> bool:
        """Whether a column under one of its names is."""
        return any(_matches(self.column, name) for name in names)

    def schema(self, original: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - others need it
        """What the column is after the rule; null is always possible."""
        return TEXT

    def value(self, value: Any) -> Any:
        """What is shown of a decrypted value; for rules that open."""
        return value

    def fixed(self) -> Any:
        """What every row shows, as far as nothing is opened for it."""
        return None


class Decrypt(Rule, frozen=True, tag="decrypt"):
    """Shown as it was written."""

    bucket: ClassVar[Bucket] = "decrypted"
    opens: ClassVar[bool] = True

    def schema(self, original: dict[str, Any]) -> dict[str, Any]:
        """As it was."""
        return original


class Drop(Rule, frozen=True, tag="drop"):
    """No such column."""

    bucket: ClassVar[Bucket] = "untouched"
    shown: ClassVar[bool] = False


class Null(Rule, frozen=True, tag="null"):
    """The column stays, and is always null."""

    bucket: ClassVar[Bucket] = "untouched"

    def schema(self, original: dict[str, Any]) -> dict[str, Any]:
        """As it was, so that tables need not change."""
        return original


class Constant(Rule, frozen=True, tag="constant"):
    """The same value in every row, also where the field is absent."""

    bucket: ClassVar[Bucket] = "untouched"
    constant: Annotated[bool | int | float | str, Meta(description="What every row shows.")] = msgspec.field(name="value")

    def schema(self, original: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - it is gone
        """What the value is."""
        return {"type": [_KINDS[type(self.constant)], "null"]}

    def fixed(self) -> Any:
        """The value."""
        return self.constant


class Mask(Rule, frozen=True, tag="mask"):
    """Characters are replaced, but for some at the beginning and the end. What is too short for that is masked whole."""

    bucket: ClassVar[Bucket] = "decrypted"
    opens: ClassVar[bool] = True
    keep_first: Annotated[int, Meta(ge=0, description="Characters shown at the beginning.")] = 0
    keep_last: Annotated[int, Meta(ge=0, description="Characters shown at the end.")] = 0
    character: Annotated[str, Meta(min_length=1, max_length=1, description="What stands for each of the others.")] = "*"
    length: (
        Annotated[int, Meta(ge=0, description="How many of it, whatever the value's length; by default as many as it replaces.")] | None
    ) = None

    def value(self, value: Any) -> Any:
        """The masked text."""
        if value is None:
            return None
        text = canonical(value)
        hidden = len(text) - self.keep_first - self.keep_last
        first, last = (text[: self.keep_first], text[len(text) - self.keep_last :]) if hidden > 0 else ("", "")
        count = len(text) - len(first) - len(last) if self.length is None else self.length
        return first + self.character * count + last


class Truncate(Rule, frozen=True, tag="truncate"):
    """Only the first characters."""

    bucket: ClassVar[Bucket] = "decrypted"
    opens: ClassVar[bool] = True
    length: Annotated[int, Meta(ge=1, description="How many.")]

    def value(self, value: Any) -> Any:
        """The beginning of the text."""
        return None if value is None else canonical(value)[: self.length]


class Pseudonym(Rule, frozen=True, tag="pseudonym"):
    """A keyed hash, equal for equal values in all tables and runs; the plan makes it, for it has the key."""

    bucket: ClassVar[Bucket] = "pseudonymised"
    opens: ClassVar[bool] = True
    domain: Annotated[str, Meta(description="Within another domain the same value has another pseudonym.")] = ""


class Ciphertext(Rule, frozen=True, tag="ciphertext"):
    """The sealed value, as it came."""

    bucket: ClassVar[Bucket] = "passed_through"


AnyRule = Decrypt | Drop | Null | Constant | Mask | Truncate | Pseudonym | Ciphertext


def _matches(pattern: str, name: str) -> bool:
    return pattern == name or fnmatchcase(name, pattern)
