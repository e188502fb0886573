"""The key of a row as a blind index: equal for equal keys of one client and type, and secret (design section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from e3db_connectors.crypto import blind_index
from e3db_connectors.errors import ConfigError, UsageError
from e3db_connectors.sync.names import META_PREFIX
from e3db_connectors.sync.values import canonical_integer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

ROW_KEY: Final = f"{META_PREFIX}key"
"""The plain member that holds the index."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """The index of a row, and others that it had: while the secret is being changed, and of whole numbers written with a fraction.

    Args:
        index: What the row is written under.
        earlier: What it may still be stored under.
    """

    index: str
    earlier: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """All that the row is looked for under."""
        return (self.index, *self.earlier)


class RowKeys:
    """Computes the index of rows of one stream.

    Args:
        index_key: Secret of the index.
        record_type: The stream's type; equal keys of two types cannot be linked.
        columns: The key's columns.
        previous_key: The secret before, while rows move from it to this one.
        integers: Those of the columns that hold whole numbers: 1 and 1.0 are one key.

    Raises:
        ConfigError: Both secrets are the same.
    """

    def __init__(
        self,
        index_key: bytes,
        record_type: str,
        columns: Sequence[str],
        previous_key: bytes | None = None,
        *,
        integers: Collection[str] = (),
    ) -> None:
        """Keep what goes into every index."""
        self.record_type = record_type
        self.columns = tuple(sorted(columns))
        self._integers = frozenset(integers)
        self._secrets = [(key, blind_index.key_id(key)) for key in (index_key, previous_key) if key is not None]
        self.kids = tuple(kid for _, kid in self._secrets)
        if len(set(self.kids)) < len(self.kids):
            raise ConfigError("key_secret_previous is the same as key_secret")

    def of(self, data: Mapping[str, str]) -> RowKey:
        """The index of a row, by its stored texts.

        Raises:
            UsageError: A key column is missing or null.
        """
        missing = [name for name in self.columns if name not in data]
        if missing:
            raise UsageError(f"a row of {self.record_type} has no value in its key column {', '.join(missing)}")
        stored = [data[name] for name in self.columns]
        messages = [self._message(stored)]
        if self._integers:
            texts = [canonical_integer(data[name]) if name in self._integers else data[name] for name in self.columns]
            if texts != stored:  # a record may be there that is keyed with the text as it is
                messages.insert(0, self._message(texts))
        index, *earlier = (blind_index.compute(key, message, kid) for key, kid in self._secrets for message in messages)
        return RowKey(index, tuple(earlier))

    def _message(self, texts: Sequence[str]) -> bytes:
        try:
            return msgspec.json.encode([self.record_type, list(zip(self.columns, texts, strict=True))])
        except UnicodeEncodeError:
            raise UsageError(f"a key of {self.record_type!a} holds half a character (a lone surrogate)") from None
