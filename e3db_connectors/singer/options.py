"""What the settings of the tap come to, checked once for all streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from e3db_connectors.errors import ConfigError, UsageError
from e3db_connectors.policy import Policy, Pseudonymiser, pseudonymiser
from e3db_connectors.singer.settings import parse_date
from e3db_connectors.sync import RecordFailures, Tuning
from e3db_connectors.sync.column_schemas import require_schemas
from e3db_connectors.sync.reading.failures import record_ids
from e3db_connectors.sync.reading.writers import named
from e3db_connectors.sync.record_files import FileStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from e3db_connectors.sync.rows import UnknownFields


@dataclass(frozen=True)
class TapOptions:
    """How all streams of a run are read.

    Args:
        all_writers: Also what others share.
        writer_ids: Only what these have written; None: no such limit.
        since: Only what was changed at or after this time.
        until: Only what was changed before this time.
        tuning: Page size, look-back, workers.
        policy: The rules on columns.
        pseudonymiser: What makes pseudonyms.
        unknown_fields: See `rows.RowReader`.
        failures: What is done about bad records; the streams share one, and so its counts.
        record_ids: Only these records; None: all.
        files: Where decrypted files go; None: nowhere.
    """

    all_writers: bool
    writer_ids: tuple[str, ...] | None
    since: datetime | None
    until: datetime | None
    tuning: Tuning
    policy: Policy
    pseudonymiser: Pseudonymiser | None = field(repr=False)
    unknown_fields: UnknownFields
    failures: RecordFailures
    record_ids: Sequence[str] | None
    files: FileStore | None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Self:
        """Take them from the settings.

        Raises:
            ConfigError: Some do not go together, or the policy is none.
            LocalFileError: A file that they name cannot be read or written.
            UsageError: The file of record ids holds something else.
        """
        since, until = _date(config, "start_date"), _date(config, "end_date")
        if since and until and until <= since:
            raise ConfigError("setting end_date: it must be later than start_date")
        _check_schemas(config)
        ids_file = config.get("record_ids_file")
        return cls(
            all_writers=config["include_all_writers"],
            writer_ids=_writer_ids(config),
            since=since,
            until=until,
            tuning=Tuning(
                lookback_seconds=float(config["lookback_seconds"]),
                settle_seconds=float(config["settle_seconds"]),
                page_size=config["page_size"],
                max_workers=config["max_workers"],
            ),
            policy=_policy(config),
            pseudonymiser=pseudonymiser(config.get("pseudonym_key")),
            unknown_fields=config["unknown_fields"],
            failures=RecordFailures(config["on_error"], config["max_errors"], _path(config.get("dead_letter_file"))),
            record_ids=record_ids(Path(ids_file)) if ids_file else None,
            files=FileStore(config["files_directory"]) if config.get("files_directory") else None,
        )

    def reads(self, writer_id: str, *, own: bool) -> bool:
        """Whether records of a writer are read, who is the client itself or another."""
        if self.writer_ids is not None:
            return writer_id in self.writer_ids
        return own or self.all_writers


def _date(config: Mapping[str, Any], name: str) -> datetime | None:
    return parse_date(config[name]) if config.get(name) else None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _writer_ids(config: Mapping[str, Any]) -> tuple[str, ...] | None:
    ids = config.get("writer_ids")
    for writer_id in ids or ():
        try:
            UUID(writer_id)
        except ValueError:
            raise ConfigError(f"setting writer_ids: {writer_id!r} is no id of a client") from None
    return named(ids) if ids else None


def _check_schemas(config: Mapping[str, Any]) -> None:
    for record_type, columns in (config.get("schemas") or {}).items():
        try:
            require_schemas(columns)
        except UsageError as exc:
            raise ConfigError(f"setting schemas: type {record_type!a}: {exc}") from None


def _policy(config: Mapping[str, Any]) -> Policy:
    inline, path = config.get("columns"), config.get("policy_file")
    if inline is not None and path:
        raise ConfigError("settings: give columns or policy_file, not both")
    if path:
        return Policy.from_file(path)
    return Policy() if inline is None else Policy.from_value(inline, source="setting columns")
