"""`target-e3db`: rows in, encrypted records out."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.singerlib.json import serialize_json

from e3db_connectors.errors import ConfigError, UsageError
from e3db_connectors.singer import command, settings
from e3db_connectors.singer.background import Background
from e3db_connectors.singer.input import MessageReader
from e3db_connectors.singer.loading import LoadOptions
from e3db_connectors.singer.sinks import RecordSink
from e3db_connectors.sync.column_schemas import require_schemas

if TYPE_CHECKING:
    from types import FrameType

_NO_OVERWRITE: Final = (
    "setting load_method: there is no overwrite, for E3DB cannot replace the records of a type in one step: a run that breaks off would "
    "leave neither the old rows nor the new ones. Take upsert, and hard_delete if the source tells what it has deleted"
)


class TargetE3DB(command.E3DBPlugin, Target):
    """Writes each row as an encrypted record of the type that the setting `record_type` makes of its stream."""

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
        TargetCapabilities.HARD_DELETE,
    ]

    message_reader: MessageReader
    options: LoadOptions
    """What the settings come to."""

    def __init__(self, **options: Any) -> None:
        """Take settings in."""
        self._signal: int | None = None
        self._waiting_since: float | None = None
        self._passed_on: Any = None
        self.background = Background()
        super().__init__(**options)
        self.max_parallelism = 1  # writes are parallel within a batch already, and one batch after the other keeps their order
        self.message_reader.when_idle(self._handle_max_record_age)

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

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        errors = super()._validate_config(raise_errors=False)
        if self._config.get("load_method") == "overwrite":
            errors = [_NO_OVERWRITE if error.startswith("setting load_method:") else error for error in errors]
        if errors and raise_errors:
            raise ConfigError("; ".join(errors))
        if raise_errors:
            self.options = LoadOptions.of(self.config)  # settings that contradict each other are told before there is any input
        return errors

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, {"stream", "schema"})
        _check_schema(message_dict)
        if self._changes(message_dict):
            # The SDK parks the rows of a changed schema and writes them after newer ones; the older version would win.
            for sink in self._sinks_active.values():
                self.drain_one(sink)
            self.background.finish()
        super()._process_schema_message(message_dict)

    def _changes(self, message: dict[str, Any]) -> bool:
        maps = self.mapper.stream_maps.get(message["stream"]) or []
        return bool(maps) and (maps[0].raw_schema, maps[0].raw_key_properties) != (message["schema"], message.get("key_properties"))

    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        self._waits()
        super()._process_record_message(message_dict)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        self._waits()
        if not self.config["state_interval_seconds"]:
            self.drain_all()
        self._handle_max_record_age()

    def _waits(self) -> None:
        """Note that there is something to write or to pass on."""
        if self._waiting_since is None:
            self._waiting_since = time.monotonic()

    def _handle_max_record_age(self) -> None:
        """Write all rows and pass the state on if one has waited long enough; called after each message and in silence."""
        self.background.check()
        interval = self.config["state_interval_seconds"]
        if interval and self._waiting_since is not None and time.monotonic() - self._waiting_since >= interval:
            self.drain_all()

    def _reset_max_record_age(self) -> None:
        """Called when everything has been written and passed on, if there was a state."""
        self.background.finish()
        super()._reset_max_record_age()
        self._waiting_since = None

    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Pass a state on, once, with its numbers as they are, when all rows before it are stored."""
        self.background.finish()
        if state != self._passed_on:
            sys.stdout.write(f"{serialize_json(state)}\n")
            sys.stdout.flush()
            self._passed_on = state

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        raise UsageError(
            "BATCH messages are not taken: their rows would pass neither validation nor stream maps; turn batches off in the tap"
        )

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self.logger.warning("stream %s: ACTIVATE_VERSION is ignored; what the source has deleted stays", message_dict.get("stream"))


def _check_schema(message: dict[str, Any]) -> None:
    schema, keys = message["schema"], message.get("key_properties") or []
    columns = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(columns, dict):
        raise UsageError(f"stream {message['stream']}: its schema must be an object with a schema for each of its properties")
    try:
        require_schemas(columns)
    except UsageError as exc:
        raise UsageError(f"stream {message['stream']}: {exc}") from None
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in columns for key in keys):
        raise UsageError(f"stream {message['stream']}: key_properties must be a list of columns of its schema")


def main() -> None:
    """Run `target-e3db`."""
    command.run(TargetE3DB.name, TargetE3DB.cli)
