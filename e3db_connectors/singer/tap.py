"""`tap-e3db`: discovery and state around the streams."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib.catalog import Catalog

from e3db_connectors.errors import ConfigError, StateError, UsageError
from e3db_connectors.singer import command, discovery, settings
from e3db_connectors.singer.streams import RecordStream
from e3db_connectors.sync.names import is_internal
from e3db_connectors.sync.reading import state as states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


_STATE_SHAPE = 'the state must be a JSON object like {"bookmarks": {"stream": {...}}}; mend it, or begin anew without it'


class TapE3DB(command.E3DBPlugin, Tap):
    """Reads the records that an E3DB client has written, a stream for each record type."""

    name = "tap-e3db"
    dynamic_catalog = True
    config_jsonschema: ClassVar[dict[str, Any]] = settings.TAP
    capabilities: ClassVar[list[Any]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *, catalog: Any = None, state: Any = None, **options: Any) -> None:
        """Take settings, catalog and state in.

        Raises:
            UsageError: Catalog or state are none.
        """
        if state is not None and not isinstance(state, dict):
            raise StateError(_STATE_SHAPE)
        super().__init__(catalog=_catalog(catalog), state=state, **options)

    def discover_streams(self) -> Sequence[RecordStream]:
        """A stream for each record type."""
        types = self.config.get("record_types") or discovery.own_types(self.client)
        for record_type in filter(is_internal, types):
            raise ConfigError(f"setting record_types: {record_type} is the connector's own or the account's, and no stream")
        return [RecordStream(self, discovery.describe(self.client, record_type, self.config)) for record_type in types]

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Write the state, as the SDK does, and end with the exit code of the signal: the read is not complete."""
        try:
            super()._handle_termination(signum, frame)
        finally:
            sys.exit(128 + signum)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state in.

        Raises:
            StateError: If it is none of this tap.
        """
        bookmarks = state.get("bookmarks", {})
        if not isinstance(bookmarks, dict) or not all(isinstance(entry, dict) for entry in bookmarks.values()):
            raise StateError(_STATE_SHAPE)
        if any("partitions" in entry or not isinstance(entry.get("progress_markers", {}), dict) for entry in bookmarks.values()):
            raise StateError(_STATE_SHAPE)
        for entry in bookmarks.values():
            states.parse(entry)
        super().load_state(state)


def _catalog(catalog: Any) -> Catalog | None:
    try:
        return None if catalog is None else Catalog.from_dict(catalog)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError("the catalog is no Singer catalog; make one with --discover") from None


def main() -> None:
    """Run `tap-e3db`."""
    command.run(TapE3DB.name, TapE3DB.cli)
