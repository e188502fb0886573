"""The stream of a record type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, StreamMetadata

from e3db_connectors.singer import settings
from e3db_connectors.sync.bookmarks import Cadence, parse_bookmark, plan_run
from e3db_connectors.sync.names import stream_name
from e3db_connectors.sync.rows import CURSOR, KEY, RowReader
from e3db_connectors.sync.windows import WindowReader
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from singer_sdk.singerlib.catalog import MetadataMapping

    from e3db_connectors.singer.discovery import RecordType
    from e3db_connectors.singer.tap import TapE3DB


@dataclasses.dataclass(slots=True)
class RecordTypeMetadata(StreamMetadata):
    """Metadata of a stream, with the true name of its record type (``e3db-record-type``)."""

    e3db_record_type: str | None = None


class RecordStream(Stream):
    """Reads the records of one type, in windows of the time of their last change."""

    primary_keys = (KEY,)
    replication_key = CURSOR
    # The state moves with whole windows, see `get_records`; the SDK must neither compare nor store the rows' own times.
    is_sorted = True
    check_sorted = False
    # Values have the types of their columns already.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(self, tap: TapE3DB, record_type: RecordType) -> None:
        """Describe the stream."""
        self.record_type = record_type
        self._client = tap.client
        rows = RowReader(tap.client, record_type.name, record_type.fields)
        super().__init__(tap, {"type": "object", "properties": rows.columns()}, stream_name(record_type.name))

    @property
    def metadata(self) -> MetadataMapping:
        """The catalog's metadata."""
        mapping = super().metadata
        root = mapping[()]
        if not isinstance(root, RecordTypeMetadata):
            known = {item.name: getattr(root, item.name) for item in dataclasses.fields(StreamMetadata)}
            mapping[()] = RecordTypeMetadata(**known, e3db_record_type=self.record_type.name)
        return mapping

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:
        """Read window by window, from the bookmark to the server's present; only selected columns are decrypted.

        The bookmark moves to a window's end when the SDK asks for the next row, that is when all rows of the window
        have been written out.
        """
        state = self.get_context_state(context)
        whole_table = self.replication_method == REPLICATION_FULL_TABLE
        bookmark = None if whole_table else parse_bookmark(state.get("replication_key_value"))
        span = plan_run(bookmark, self._start_date(), self._client.server_time(), self._cadence())
        if span is None:
            return
        rows = RowReader(self._client, self.record_type.name, self.record_type.fields, self._selected_columns())
        pages = WindowReader(self._client, self.record_type.name, page_size=self.config["page_size"])
        for page in pages.read(span):
            for result in page.results:
                yield rows.row(result)
            if not whole_table and (bookmark is None or page.window.end > bookmark):
                bookmark = page.window.end
                state.update(replication_key=CURSOR, replication_key_value=times.render(bookmark))
        self.logger.info("%d fields decrypted, %d left sealed", rows.counts.decrypted, rows.counts.untouched)

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Leave the state alone: it moves with windows, not with rows."""

    def _cadence(self) -> Cadence:
        return Cadence(float(self.config["lookback_seconds"]), float(self.config["settle_seconds"]))

    def _start_date(self) -> datetime | None:
        text = self.config.get("start_date")
        return settings.parse_date(text) if text else None

    def _selected_columns(self) -> set[str]:
        return {column for column in self.schema["properties"] if self.mask["properties", column]}
