"""What the settings of the target come to, checked once for all streams."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.errors import ConfigError
from e3db_connectors.singer.record_types import RecordTypes
from e3db_connectors.sync.names import META_PREFIX
from e3db_connectors.sync.writing import Failures, WriteOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UPSERT: Final = "upsert"


@dataclass(frozen=True)
class LoadOptions:
    """How all streams of a run are written.

    Args:
        record_types: What their record types are.
        by_key: Whether a row replaces the record of its key.
        deletes: Whether a row that the source has deleted takes its record with it.
        plain_fields: Columns that also stay in clear, as ``column`` or ``stream.column``.
        writing: How rows are written.
        failures: What is done about rows that cannot be written; the streams share one, and so its counts.
    """

    record_types: RecordTypes
    by_key: bool
    deletes: bool
    plain_fields: frozenset[str]
    writing: WriteOptions
    failures: Failures

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Take them from the settings.

        Raises:
            ConfigError: Some do not go together.
            LocalFileError: The dead-letter file cannot be written.
        """
        by_key = config["load_method"] == UPSERT
        if config["hard_delete"] and not by_key:
            raise ConfigError("setting hard_delete: rows are deleted by their key, which load_method: append-only does not look at")
        plain_fields = frozenset(config.get("plain_fields") or ())
        own = sorted(name for name in plain_fields if name.rpartition(".")[2].lower().startswith(META_PREFIX))
        if own:
            raise ConfigError(f"setting plain_fields: {', '.join(own)}: names that start with {META_PREFIX} are the connector's own")
        path = config.get("dead_letter_file")
        return cls(
            record_types=RecordTypes(config["record_type"]),
            by_key=by_key,
            deletes=config["hard_delete"],
            plain_fields=plain_fields,
            writing=WriteOptions(
                key_secret=_hidden(config.get("key_secret")),
                key_secret_previous=_hidden(config.get("key_secret_previous")),
                share_with=config.get("share_with") or (),
                workers=config["max_workers"],
                store_schema=config["store_schema"],
            ),
            failures=Failures(config["on_error"], config["max_errors"], Path(path) if path else None),
        )

    def plain_columns(self, stream: str, columns: Iterable[str]) -> list[str]:
        """Those columns of a stream that also stay in clear."""
        return [name for name in columns if name in self.plain_fields or f"{stream}.{name}" in self.plain_fields]

    def writing_with(self, plain_columns: Iterable[str]) -> WriteOptions:
        """How rows of a stream are written that has these columns in clear."""
        return dataclasses.replace(self.writing, plain_columns=tuple(plain_columns))


def _hidden(secret: str | None) -> SecretText | None:
    return None if secret is None else SecretText(secret)
