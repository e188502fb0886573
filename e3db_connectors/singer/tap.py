"""`tap-e3db`: discovery and state around the streams."""

from __future__ import annotations

import gc
import io
import signal
import sys
from functools import cached_property, partial
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final

from singer_sdk import Tap
from singer_sdk.helpers.capabilities import PluginCapabilities, TapCapabilities
from singer_sdk.singerlib.catalog import Catalog

from e3db_connectors.client import Client, credentials
from e3db_connectors.errors import ConfigError, StateError, UsageError
from e3db_connectors.singer import command, discovery, settings
from e3db_connectors.singer.live import LiveStream
from e3db_connectors.singer.options import TapOptions
from e3db_connectors.singer.output import MessageWriter
from e3db_connectors.singer.page_loop import PagedStream
from e3db_connectors.singer.streams import RecordStream
from e3db_connectors.sync.names import is_internal, live_stream_name, stream_name
from e3db_connectors.sync.reading import state as states

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


_GRACE_SECONDS: Final = 5
"""How long a signal leaves the tap to end by itself."""

_GARBAGE_THRESHOLD: Final = 50_000
"""Objects that are made before cycles are looked for."""

_STATE_SHAPE: Final = 'the state must be a JSON object like {"bookmarks": {"stream": {...}}}; mend it, or begin anew without it'


class TapE3DB(command.E3DBPlugin, Tap):
    """Reads the records that an E3DB client has written, a stream for each record type."""

    name = "tap-e3db"
    dynamic_catalog = True
    message_writer_class = MessageWriter
    config_jsonschema: ClassVar[dict[str, Any]] = settings.TAP
    capabilities: ClassVar[list[Any]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        TapCapabilities.ACTIVATE_VERSION,
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

    @cached_property
    def options(self) -> TapOptions:
        """What the settings come to."""
        return TapOptions.of(self.config)

    @cached_property
    def client(self) -> Client:
        """The client that the settings name."""
        trusted = self.config.get("trusted_authorizers")
        return Client(credentials.resolve(self.config, source=f"settings of {self.name}"), trusted_authorizers=trusted or None)

    def discover_streams(self) -> Sequence[PagedStream]:
        """A stream for each record type, and its companion if deletes are to be found."""
        types = sorted(set(self.config.get("record_types") or ())) or discovery.record_types(self.client, self.options)
        for record_type in filter(is_internal, types):
            raise ConfigError(f"setting record_types: {record_type} is the connector's own or the account's, and no stream")
        discovery.warn_of_unreadable(self.client, types, self.options)
        with_live = self.config["detect_deletes"] and self.options.record_ids is None
        listed = types if with_live else []
        discovery.require_distinct([(stream_name(name), name) for name in types] + [(live_stream_name(name), name) for name in listed])
        streams = [RecordStream(self, discovery.describe(self.client, name, self.config, self.options)) for name in types]
        return [*streams, *(LiveStream(self, name) for name in listed)]

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Refuse what would go past selection and stream maps, then check the rest."""
        if self._config.get("batch_config"):
            raise ConfigError(
                "setting batch_config: this tap sends no BATCH messages, whose files would hold deselected columns and pass by stream maps; "
                "leave it out"
            )
        return super()._validate_config(raise_errors=raise_errors)

    @classmethod
    def invoke(cls, *, state: IO[str] | None = None, **options: Any) -> None:
        """Run the command; a state file that holds ``null`` is no state, and the SDK would take it for none having been given.

        Raises:
            StateError: It is none.
        """
        text = None if state is None else state.read()
        if text is not None and text.strip() == "null":
            raise StateError(_STATE_SHAPE)
        super().invoke(state=None if text is None else io.StringIO(text), **options)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's
        """End with the exit code of the signal, for the read is not complete; the state comes first, once all records before it are out."""
        if hasattr(signal, "alarm"):  # whatever waits for a reader or a server then
            signal.alarm(_GRACE_SECONDS)
        writer = getattr(self, "message_writer", None)  # the signal may come before there is one
        if isinstance(writer, MessageWriter):
            writer.when_idle(partial(self._terminate, signum))
        else:
            self._terminate(signum)

    def _terminate(self, signum: int) -> None:
        streams = (getattr(self, "_streams", None) or {}).values()
        if any(isinstance(stream, PagedStream) and stream.has_begun for stream in streams):
            self.state_writer.write_state(self.state)
        sys.exit(128 + signum)

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state in.

        Raises:
            StateError: If it is none of this tap.
        """
        bookmarks = state.get("bookmarks", {})
        if "bookmarks" not in state and state.keys() - {"currently_syncing"}:  # all would be read anew
            raise StateError(_STATE_SHAPE)
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
    # Rows hold no cycles, and looking for some among a page's thousands of objects takes a quarter of the time.
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    command.run(TapE3DB.name, TapE3DB.cli)
