"""Names of streams and columns that every loader can take (design section 3.1)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from types import NoneType
from typing import Final

from e3db_connectors.client.arguments import texts
from e3db_connectors.errors import UsageError

META_PREFIX: Final = "_e3db_"
RESERVED_PREFIXES: Final = (META_PREFIX, "_sdc_")
SCHEMA_TYPE_PREFIX: Final = "singer.schema."
BACKUP_TYPE: Final = "tozny.key_backup"

LIVE_SUFFIX: Final = "__live"

_NAME_MAX: Final = 63
"""PostgreSQL's limit."""

_PLAIN_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_SLUG_LENGTH: Final = 54
"""With an underscore and 8 hex digits it is as long as a name may be."""


def require_several(values: Iterable[str] | None, what: str) -> None:
    """Let pass several names or ids, but no text alone: it would count as its letters, and `in` finds parts of it.

    Raises:
        UsageError: It is a text, or something that holds no texts.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, (Iterable, NoneType)):
        raise UsageError(f"{what} is a list of texts, not {type(values).__name__}; a single one stands in a list, too")
    texts(values)


def stream_name(record_type: str) -> str:
    """The stream of a record type: the type itself if any loader takes it as it is, else a slug with a hash."""
    return record_type if _PLAIN_NAME.fullmatch(record_type) else slug(record_type)


def live_stream_name(record_type: str) -> str:
    """The stream that lists what there is of a type: that of its records with ``__live`` behind it, cut where it would be too long."""
    name = stream_name(record_type)
    if len(name) + len(LIVE_SUFFIX) > _NAME_MAX:
        name = f"{name[: _SLUG_LENGTH - len(LIVE_SUFFIX)]}_{_digest(record_type)}"
    return name + LIVE_SUFFIX


def slug(name: str) -> str:
    """A name that loaders neither split nor fold, and that no other name shares."""
    readable = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_SLUG_LENGTH]
    if not readable or readable[0].isdigit():
        readable = f"_{readable}"[:_SLUG_LENGTH]
    return f"{readable}_{_digest(name)}"


def _digest(name: str) -> str:
    return blake2b(name.encode()).hexdigest()[:8]


def column_names(fields: Iterable[str]) -> dict[str, str]:
    """The column of each field: its own name, unless that is reserved or collides when case is folded."""
    fields = sorted(set(fields))
    folded = Counter(field.lower() for field in fields)
    return {field: slug(field) if _must_rename(field, folded) else field for field in fields}


def _must_rename(field: str, folded: Counter[str]) -> bool:
    lower = field.lower()
    if lower.startswith(RESERVED_PREFIXES):
        return True
    return folded[lower] > 1 and field != lower


def is_internal(record_type: str) -> bool:
    """Whether records of this type serve the connector or the account and are no data."""
    return record_type.startswith(SCHEMA_TYPE_PREFIX) or record_type == BACKUP_TYPE
