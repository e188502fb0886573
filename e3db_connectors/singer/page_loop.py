"""Streams that go out page by page.

The SDK handles each record on its own, which costs more than to decrypt it. Where nothing but the rows themselves is asked for, a page
is encoded and written at once; with stream maps, flattening or a limit the SDK's own loop runs over the same pages. Both write the
same bytes. What of the SDK is private here (`_sync_records`, `_finalize_state`, `_stream_version`) is why its version is pinned.
"""

from __future__ import annotations

import sys
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, cast

import msgspec
from singer_sdk import Stream
from singer_sdk.helpers._util import utc_now
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from e3db_connectors.singer.output import MessageWriter, RecordLine

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    Row = dict[str, Any]


class PagedStream(Stream):
    """A stream that reads pages of rows."""

    # The state moves with pages, see `read_pages`; the SDK must neither compare nor store the rows' own times.
    is_sorted = True
    check_sorted = False
    # A STATE comes by time, see `state_moved`.
    STATE_MSG_FREQUENCY = sys.maxsize
    # Values have the types of their columns already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    has_begun = False
    """Whether its reading has; before, the state is what was handed in."""

    _state_written = 0.0

    @abstractmethod
    def read_pages(self, state: dict[str, Any]) -> Iterator[list[Row]]:
        """Pages of rows. When the next one is asked for, the rows of the one before have been written: then the state may move.

        Args:
            state: The stream's, to be changed in place; tell `state_moved` then.
        """

    def get_records(self, context: Any) -> Iterable[Row]:
        """The rows, for the SDK's own loop."""
        for page in self.read_pages(self.get_context_state(context)):
            yield from page

    def state_moved(self) -> None:
        """Write a STATE, unless there was one a short time ago."""
        self.state_manager.is_flushed = False
        if time.monotonic() - self._state_written >= self.config["state_interval_seconds"]:
            self._write_state_message()

    def activate_version(self) -> None:
        """Say that all of a full table has been written, so that what has an older version is gone."""
        if self._stream_version is not None:
            self._write_activate_version_message(self._stream_version)

    @property
    def emit_activate_version_messages(self) -> bool:
        """Never by the SDK, which sends them before the records: until these have come, the table would be empty."""
        return False

    def _write_state_message(self) -> None:
        super()._write_state_message()
        self._state_written = time.monotonic()

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Leave the state alone: it moves with pages, not with rows."""

    def _sync_records(self, context: Any = None, *, write_messages: bool = True) -> Generator[Row, Any, Any]:
        self.has_begun, self._state_written = True, time.monotonic()
        if self.replication_method == REPLICATION_FULL_TABLE and self.config["emit_activate_version_messages"]:
            self._stream_version = self._initialized_at
        if write_messages and context is None and self._rows_go_out_as_they_are():
            self._sync_pages()
        else:
            yield from super()._sync_records(context, write_messages=write_messages)

    def _rows_go_out_as_they_are(self) -> bool:
        """Whether the SDK's loop would change nothing: what is not selected is not in the rows, unless it is within a column."""
        [first, *more] = self.stream_maps
        plain = not more and type(first) is SameRecordTransform and not first.flattening_enabled
        within = any(len(breadcrumb) > len(("properties", "column")) and not chosen for breadcrumb, chosen in self.mask.items())
        writes = isinstance(self._tap.message_writer, MessageWriter)
        return plain and not within and writes and self.selected and self.ABORT_AT_RECORD_COUNT is None

    def _sync_pages(self) -> None:
        """What the SDK's `_sync_records` does, for pages."""
        writer = cast("MessageWriter", self._tap.message_writer)
        version = msgspec.UNSET if self._stream_version is None else self._stream_version
        with self.get_record_counter() as counter, self.get_sync_timer() as timer:
            counter.with_context({})
            timer.with_context({})
            self._write_starting_replication_value(None)
            for page in self.read_pages(self.get_context_state(None)):
                extracted = utc_now()
                writer.write_records([RecordLine("RECORD", self.name, row, version, extracted) for row in page])
                self.state_manager.is_flushed = False
                counter.increment(len(page))
        self._finalize_state(self.stream_state)
        self._write_state_message()
