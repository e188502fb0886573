"""`target-e3db`: rows in, encrypted records out."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities

from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.errors import UsageError
from e3db_connectors.singer import command, settings
from e3db_connectors.singer.input import MessageReader
from e3db_connectors.singer.sinks import RecordSink
from e3db_connectors.sync.writing import Failures, WriteOptions

if TYPE_CHECKING:
    from types import FrameType


STATE_INTERVAL_SECONDS: Final = 15


class TargetE3DB(command.E3DBPlugin, Target):
    """Writes each row as an encrypted record of the type that its stream is named after."""

    name = "target-e3db"
    default_sink_class = RecordSink
    message_reader_class = MessageReader
    config_jsonschema: ClassVar[dict[str, Any]] = settings.TARGET
    capabilities: ClassVar[list[Any]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        TargetCapabilities.VALIDATE_RECORDS,
    ]

    message_reader: MessageReader
    # How long a row may wait before all are written and the state is passed on: the SDK's own five minutes are a lot to do again.
    _MAX_RECORD_AGE_IN_MINUTES = STATE_INTERVAL_SECONDS / 60

    def __init__(self, **options: Any) -> None:
        """Take settings in."""
        self._signal: int | None = None
        super().__init__(**options)
        self.max_parallelism = 1  # writes are parallel within a batch already, and one batch after the other keeps their order

    @cached_property
    def write_options(self) -> WriteOptions:
        """How rows are written."""
        return WriteOptions(
            key_secret=_hidden(self.config.get("key_secret")),
            key_secret_previous=_hidden(self.config.get("key_secret_previous")),
            share_with=self.config.get("share_with") or (),
            workers=self.config["max_workers"],
        )

    @cached_property
    def failures(self) -> Failures:
        """What is done about rows that cannot be written, in all streams together."""
        path = self.config.get("dead_letter_file")
        return Failures(self.config["on_error"], self.config["max_errors"], Path(path) if path else None)

    def process_endofpipe(self) -> None:
        """Write what is left and pass the last state on; then end as the signal asked, if there was one."""
        super().process_endofpipe()
        if self._signal is not None:
            sys.exit(128 + self._signal)

    def _handle_termination(self, signum: int, _frame: FrameType | None) -> None:
        self._signal = signum
        if not hasattr(self, "message_reader"):
            sys.exit(128 + signum)  # nothing has been read yet
        self.message_reader.stop()

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, {"stream", "schema"})
        _check_schema(message_dict)
        if self._changes(message_dict):
            # The SDK parks the rows of a changed schema and writes them after newer ones; the older version would win.
            for sink in self._sinks_active.values():
                self.drain_one(sink)
        super()._process_schema_message(message_dict)

    def _changes(self, message: dict[str, Any]) -> bool:
        maps = self.mapper.stream_maps.get(message["stream"]) or []
        return bool(maps) and (maps[0].raw_schema, maps[0].raw_key_properties) != (message["schema"], message.get("key_properties"))

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        raise UsageError(
            "BATCH messages are not taken: their rows would pass neither validation nor stream maps; turn batches off in the tap"
        )

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self.logger.warning("stream %s: ACTIVATE_VERSION is ignored; what the source has deleted stays", message_dict.get("stream"))


def _hidden(secret: str | None) -> SecretText | None:
    return None if secret is None else SecretText(secret)


def _check_schema(message: dict[str, Any]) -> None:
    schema, keys = message["schema"], message.get("key_properties") or []
    columns = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(columns, dict) or not all(isinstance(column, dict) for column in columns.values()):
        raise UsageError(f"stream {message['stream']}: its schema must be an object with a schema for each of its properties")
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in columns for key in keys):
        raise UsageError(f"stream {message['stream']}: key_properties must be a list of columns of its schema")


def main() -> None:
    """Run `target-e3db`."""
    command.run(TargetE3DB.name, TargetE3DB.cli)
