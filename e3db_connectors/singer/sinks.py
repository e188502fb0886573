"""The sink of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator, SchemaError
from singer_sdk.sinks import BatchSink

from e3db_connectors.crypto import blind_index
from e3db_connectors.errors import UsageError
from e3db_connectors.sync import schemas
from e3db_connectors.sync.keys import RowKeys
from e3db_connectors.sync.writer import RowWriter

if TYPE_CHECKING:
    from e3db_connectors.singer.target import TargetE3DB


class RecordSink(BatchSink):
    """Gathers rows and writes them in batches."""

    MAX_SIZE_DEFAULT = 1000  # small enough that a signal is answered within seconds

    def __init__(self, target: TargetE3DB, stream_name: str, schema: dict[str, Any], key_properties: Any) -> None:
        """Prepare; nothing is sent yet."""
        super().__init__(target, stream_name, schema, key_properties)
        self._client = target.client
        self._row_validator = self._make_validator() if self.validate_schema else None

    def setup(self) -> None:
        """Store the schema before the first row that names it."""
        record_type, columns = self.stream_name, self.schema["properties"]
        keys = None
        if self.key_properties and self.config["load_method"] == "upsert":
            index_key = blind_index.derive_key(self._client.private_key_bytes)
            keys = RowKeys(index_key, record_type, self.key_properties)
        number = schemas.remember(self._client, record_type, columns)
        self._writer = RowWriter(self._client, record_type, columns, number, keys)

    def get_validator(self) -> None:
        """Turn the SDK's validation off: its messages show values. `preprocess_record` validates instead."""

    def preprocess_record(self, record: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - the SDK's signature
        """Check a row against its schema.

        Raises:
            UsageError: It does not fit. The text names the column and the rule, never the value.
        """
        if self._row_validator is not None:
            for error in self._row_validator.iter_errors(record):
                where = ".".join(map(str, error.path)) or "the row"
                raise UsageError(f"stream {self.stream_name}: {where} breaks its schema ({error.validator})")
        return record

    def process_batch(self, context: dict[str, Any]) -> None:
        """Write the rows of a batch; they are stored once this returns."""
        self._writer.write(context.get("records", ()))

    def clean_up(self) -> None:
        """Say what became of the rows."""
        self.logger.info("rows written: %s", ", ".join(f"{count} {outcome}" for outcome, count in self._writer.counts.items()))
        super().clean_up()

    def _make_validator(self) -> Draft202012Validator:
        try:
            Draft202012Validator.check_schema(self.schema)
        except SchemaError as exc:
            raise UsageError(f"stream {self.stream_name}: its schema is no JSON Schema ({exc.message[:200]})") from None
        return Draft202012Validator(self.schema)

    def _parse_timestamps_in_record(self, record: Any, schema: Any, treatment: Any) -> None:
        """Keep times as the text that they are: E3DB stores text, and parsing would cut their digits."""
