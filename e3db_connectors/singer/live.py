"""The companion of a stream that lists what there is: what the stream's table has beyond that has been deleted (design section 4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from e3db_connectors.singer.streams import RecordTypeStream
from e3db_connectors.sync.names import live_stream_name
from e3db_connectors.sync.reading import ClientSource
from e3db_connectors.sync.reading.full import FullRead
from e3db_connectors.sync.rows import CURSOR, KEY, META_COLUMNS
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.singerlib.catalog import Catalog

    from e3db_connectors.singer.page_loop import Row
    from e3db_connectors.singer.tap import TapE3DB
    from e3db_connectors.wire.records import Meta

_SHOWN: Final[dict[str, Callable[[Meta], str]]] = {
    KEY: lambda meta: meta.record_id,
    "_e3db_version": lambda meta: meta.version,
    CURSOR: lambda meta: times.rendered(meta.last_modified),
}
"""What is told of a record. The time is there because target-duckdb takes the first row of a table of nothing but texts for its head."""


class LiveStream(RecordTypeStream):
    """Ids, versions and times of all records of a type; nothing is decrypted, nor even fetched.

    It comes after the stream of the records: what is written between the two is then in the list and not yet in the table, which
    says nothing, and never the other way round.
    """

    primary_keys = (KEY,)

    def __init__(self, tap: TapE3DB, record_type: str) -> None:
        """Describe the stream."""
        columns = {column: META_COLUMNS[column] for column in _SHOWN}
        super().__init__(tap, record_type, live_stream_name(record_type), {"type": "object", "properties": columns})
        self.forced_replication_method = REPLICATION_FULL_TABLE

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what is selected; a rule for all streams may ask for incremental reads, which this one cannot do."""
        super().apply_catalog(catalog)
        self.forced_replication_method, self.replication_key = REPLICATION_FULL_TABLE, None

    def read_pages(self, state: dict[str, Any]) -> Iterator[list[Row]]:  # noqa: ARG002 - it has none
        """List them all."""
        selected = self.selected_columns()
        shown = [(column, value) for column, value in _SHOWN.items() if column in selected]
        read = FullRead(
            ClientSource(self._client),
            self.record_type,
            all_writers=self._options.all_writers,
            writer_ids=self._options.writer_ids,
            include_data=False,
            page_size=self._options.tuning.page_size,
            opener=lambda result: {column: value(result.meta) for column, value in shown},
        )
        yield from read.pages()
        if read.is_whole:
            self.activate_version()
        else:
            self.logger.warning("a writer's access has gone meanwhile, so %s may lack records that are there", self.name)
