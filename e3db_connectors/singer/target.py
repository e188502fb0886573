"""`target-e3db`: rows in, encrypted records out."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities, TargetCapabilities
from singer_sdk.singerlib.encoding.simple import SimpleSingerReader
from singer_sdk.singerlib.json import deserialize_json

from e3db_connectors.errors import UsageError
from e3db_connectors.singer import command, settings
from e3db_connectors.singer.sinks import RecordSink


class MessageReader(SimpleSingerReader):
    """Reads Singer messages; unlike the SDK's own, it does not show a line that it cannot read."""

    def deserialize_json(self, line: str) -> dict[str, Any]:
        """Read one line."""
        try:
            return deserialize_json(line)
        except (json.JSONDecodeError, RecursionError):
            raise UsageError("a line of the input is no Singer message: no JSON") from None


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

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        # The SDK parks the rows of a changed schema and writes them after newer ones; the older version would win.
        sink = self._sinks_active.get(message_dict.get("stream", ""))
        if sink and sink.current_size:
            self.drain_one(sink)
        super()._process_schema_message(message_dict)


def main() -> None:
    """Run `target-e3db`."""
    command.run(TargetE3DB.name, TargetE3DB.cli)
