"""The sink of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks import BatchSink

from e3db_connectors.errors import UsageError
from e3db_connectors.singer.deletions import DELETED_AT, is_deletion, rounds
from e3db_connectors.singer.validation import RowValidator
from e3db_connectors.sync.writing import open_writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.singer.target import TargetE3DB


class MissingKey(UsageError, MissingKeyPropertiesError):
    """A row has no value in a column of its key."""


class RecordSink(BatchSink):
    """Gathers rows and writes them in batches."""

    def __init__(self, target: TargetE3DB, stream_name: str, schema: dict[str, Any], key_properties: Any) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        self._deletes, self._ignored = target.options.deletes, 0
        self._validation = RowValidator(stream_name, self.schema) if self.validate_schema else None

    def setup(self) -> None:
        """Store the schema before the first row that names it."""
        self._target.background.finish()
        options = self._target.options
        columns = self.schema["properties"]
        plain = options.plain_columns(self.stream_name, columns)
        if plain:
            self.logger.warning("columns that also stay in clear, for whoever can read the server: %s", ", ".join(plain))
        self._writer = open_writer(
            self._target.client,
            options.record_types.of(self.stream_name),
            columns,
            self.key_properties if options.by_key else (),
            options=options.writing_with(plain),
            failures=options.failures,
            check=self._check,
        )

    def get_validator(self) -> None:
        """Turn the SDK's validation off: its messages show values. `_check` validates instead."""

    def _singer_validate_message(self, record: dict[str, Any]) -> None:
        """Nothing: the SDK ends the run at a row without its key. `_check` says what is to become of it."""

    def _check(self, row: Mapping[str, Any]) -> None:
        """Check a row against its schema.

        Raises:
            MissingKey: It has no key.
            UsageError: It does not fit. The text names the column and the rule, never the value.
        """
        missing = [name for name in self.key_properties if name not in row]
        if missing:
            raise MissingKey(f"stream {self.stream_name}: a row has no value in its key column {', '.join(missing)}")
        if self._validation is not None:
            self._validation.check(row)

    def _after_process_record(self, context: dict[str, Any]) -> None:
        """Nothing: the SDK logs all rows of the batch here, in clear."""

    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        """Take metadata columns out, all but the mark of a deletion: `process_record` says what is done about it."""
        deleted_at = record.get(DELETED_AT)
        super()._remove_sdc_metadata_from_record(record)
        if deleted_at is not None:
            record[DELETED_AT] = deleted_at

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Keep a row for the batch, unless it only tells of a deletion that is to be ignored."""
        if is_deletion(record):
            if not self._deletes and not self.include_sdc_metadata_properties:
                self._ignored += 1
                return
            context["deletes"] = self._deletes
        context.setdefault("records", []).append(record)

    def process_batch(self, context: dict[str, Any]) -> None:
        """Begin to write the rows of a batch; those of the one before are stored once this returns.

        The target waits for the last one before it passes a state on.
        """
        rows, deletes = context.get("records", []), context.get("deletes", False)
        self._target.background.begin(lambda: self._write(rows, deletes=deletes))

    def _write(self, rows: list[dict[str, Any]], *, deletes: bool) -> None:
        if not deletes:
            self._writer.write(rows)
            return
        for number, group in enumerate(rounds(rows, self.key_properties)):
            if group:
                (self._writer.delete if number % 2 else self._writer.write)(group)

    def clean_up(self) -> None:
        """Say what became of the rows."""
        self._target.background.finish()
        self.logger.info("rows written: %s", ", ".join(f"{count} {outcome}" for outcome, count in self._writer.counts.items()))
        if self._ignored:
            self.logger.warning("%d deletions left out; hard_delete: true deletes their records", self._ignored)
        super().clean_up()

    def _parse_timestamps_in_record(self, record: Any, schema: Any, treatment: Any) -> None:
        """Keep times as the text that they are: E3DB stores text, and parsing would cut their digits."""
