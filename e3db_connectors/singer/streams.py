"""The stream of a record type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, StreamMetadata

from e3db_connectors.singer import settings
from e3db_connectors.sync.names import stream_name
from e3db_connectors.sync.reading import ClientSource, Engine, Tuning
from e3db_connectors.sync.reading.full import FullRead
from e3db_connectors.sync.report import Run
from e3db_connectors.sync.rows import CURSOR, KEY, RowReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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
        """Read what was changed since the state, or all there is; only selected columns are decrypted.

        The state moves when the SDK asks for the next row, that is when all rows before have been written out.
        """
        state = self.get_context_state(context)
        run = Run(self._client, self.record_type.name, state=state)
        rows = RowReader(self._client, self.record_type.name, self.record_type.fields, self._selected_columns(), run.fields)
        if self.replication_method == REPLICATION_FULL_TABLE:
            yield from self._read_all(rows, run)
        else:
            yield from self._read_changes(rows, run, state)
        report = run.report(state)
        self.logger.info("%d fields decrypted, %d left sealed", report.fields.decrypted, report.fields.untouched)
        self.logger.info(
            "%d rows of %d windows in %d requests; %d read again, %d missing from the index",
            *(report.rows, report.windows, report.requests, report.rereads, report.ghosts),
        )

    def _read_changes(self, rows: RowReader, run: Run, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
        engine = Engine(
            ClientSource(self._client),
            self.record_type.name,
            state=state,
            since=self._start_date(),
            tuning=self._tuning(),
            opener=rows.row,
            count=run.count,
        )
        for step in engine.run():
            yield from step.rows
            state.update(step.state)

    def _read_all(self, rows: RowReader, run: Run) -> Iterator[dict[str, Any]]:
        source = ClientSource(self._client)
        read = FullRead(source, self.record_type.name, page_size=self.config["page_size"], opener=rows.row, count=run.count)
        for page in read.pages():
            yield from page

    def _increment_stream_state(self, latest_record: Any, *, context: Any = None) -> None:
        """Leave the state alone: it moves with windows, not with rows."""

    def _tuning(self) -> Tuning:
        return Tuning(
            lookback_seconds=float(self.config["lookback_seconds"]),
            settle_seconds=float(self.config["settle_seconds"]),
            page_size=self.config["page_size"],
        )

    def _start_date(self) -> datetime | None:
        text = self.config.get("start_date")
        return settings.parse_date(text) if text else None

    def _selected_columns(self) -> set[str]:
        return {column for column in self.schema["properties"] if self.mask["properties", column]}
