"""Which record type a stream is written as."""

from __future__ import annotations

import re
from typing import Final

from e3db_connectors.errors import ConfigError, UsageError

_PLACEHOLDER: Final = re.compile(r"\{(\w*)\}", re.ASCII)


class RecordTypes:
    """Makes record types out of the names of streams, by a template.

    ``{stream}`` stands for the whole name. Where a name is made of parts with dashes between them, as ``shop-public-orders``,
    ``{table}`` stands for the last one and ``{schema}`` for the one before.

    Args:
        template: The text with placeholders.

    Raises:
        ConfigError: It has others, or loose braces.
    """

    def __init__(self, template: str) -> None:
        """Check the template."""
        unknown = sorted({name for name in _PLACEHOLDER.findall(template) if name not in {"stream", "table", "schema"}})
        if unknown or re.search(r"[{}]", _PLACEHOLDER.sub("", template)):
            raise ConfigError("setting record_type: its placeholders are {stream}, {table} and {schema}; other braces it has none")
        self._template = template
        self._streams: dict[str, str] = {}

    def of(self, stream: str) -> str:
        """The type of a stream.

        Raises:
            UsageError: The name has no such parts, or another stream of this run has the same type: each would overwrite the other's rows.
        """
        *_, schema, table = ["", *stream.split("-")]
        if not schema and "{schema}" in self._template:
            raise UsageError(f"stream {stream}: its name has no schema before a dash, which the setting record_type asks for")
        parts = {"stream": stream, "table": table, "schema": schema}
        record_type = _PLACEHOLDER.sub(lambda match: parts[match[1]], self._template)
        if not record_type:
            raise UsageError(f"stream {stream}: the setting record_type makes an empty record type of it")
        other = self._streams.setdefault(record_type, stream)
        if other != stream:
            raise UsageError(f"streams {other} and {stream}: both would be written as type {record_type!r}; change the setting record_type")
        return record_type
