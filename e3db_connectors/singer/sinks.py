"""The sink of a stream."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError, validators
from singer_sdk.exceptions import MissingKeyPropertiesError
from singer_sdk.sinks import BatchSink

from e3db_connectors.errors import UsageError
from e3db_connectors.singer.deletions import DELETED_AT, is_deletion, rounds
from e3db_connectors.sync.writing import open_writer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.singer.target import TargetE3DB


def _is_integer(_checker: Any, value: Any) -> bool:
    """1.0 is an integer to JSON Schema; here it is read as a Decimal, which keeps its digits."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    return isinstance(value, int) and not isinstance(value, bool)


_RowValidator = validators.extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer),
)


class MissingKey(UsageError, MissingKeyPropertiesError):
    """A row has no value in a column of its key."""


class RecordSink(BatchSink):
    """Gathers rows and writes them in batches."""

    def __init__(self, target: TargetE3DB, stream_name: str, schema: dict[str, Any], key_properties: Any) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(target, stream_name, schema, key_properties)
        self._target = target
        self._deletes, self._ignored = target.options.deletes, 0
        self._row_validator = self._make_validator() if self.validate_schema else None

    def setup(self) -> None:
        """Store the schema before the first row that names it."""
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
        error = self._first_error(row)
        if error is not None:
            where = ".".join(map(str, error.path)) or "the row"
            raise UsageError(f"stream {self.stream_name}: {where} breaks its schema ({error.validator})")

    def _first_error(self, row: Mapping[str, Any]) -> Any:
        try:
            return next(self._row_validator.iter_errors(row), None) if self._row_validator else None
        except Exception as exc:  # noqa: BLE001 - a schema can ask for what cannot be done, such as a reference that leads nowhere
            raise UsageError(f"stream {self.stream_name}: its schema cannot be checked ({type(exc).__name__})") from None

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
        """Write the rows of a batch; they are stored once this returns."""
        rows = context.get("records", [])
        if not context.get("deletes"):
            self._writer.write(rows)
            return
        for number, group in enumerate(rounds(rows, self.key_properties)):
            if group:
                (self._writer.delete if number % 2 else self._writer.write)(group)

    def clean_up(self) -> None:
        """Say what became of the rows."""
        self.logger.info("rows written: %s", ", ".join(f"{count} {outcome}" for outcome, count in self._writer.counts.items()))
        if self._ignored:
            self.logger.warning("%d deletions left out; hard_delete: true deletes their records", self._ignored)
        super().clean_up()

    def _make_validator(self) -> Any:
        try:
            _RowValidator.check_schema(self.schema)
        except SchemaError as exc:
            raise UsageError(
                f"stream {self.stream_name}: its schema is no JSON Schema of draft 2020-12 ({exc.message[:200]}); "
                "validate_records: false turns the check off",
            ) from None
        return _RowValidator(self.schema)

    def _parse_timestamps_in_record(self, record: Any, schema: Any, treatment: Any) -> None:
        """Keep times as the text that they are: E3DB stores text, and parsing would cut their digits."""
