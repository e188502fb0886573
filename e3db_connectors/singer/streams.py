"""The stream of a record type."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE, REPLICATION_INCREMENTAL, StreamMetadata

from e3db_connectors.errors import ConfigError, E3DBError
from e3db_connectors.policy.rules import Decrypt
from e3db_connectors.singer.page_loop import PagedStream
from e3db_connectors.sync.names import RESERVED_PREFIXES, stream_name
from e3db_connectors.sync.reading import ClientSource, Engine
from e3db_connectors.sync.reading.full import FullRead, NamedRead
from e3db_connectors.sync.record_files import FILE_COLUMN, FILE_SCHEMA, file_value
from e3db_connectors.sync.report import Run
from e3db_connectors.sync.rows import CURSOR, EXTRA, KEY, META_COLUMNS, RowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.singerlib.catalog import Catalog, MetadataMapping

    from e3db_connectors.policy import FieldCounts
    from e3db_connectors.singer.discovery import RecordType
    from e3db_connectors.singer.page_loop import Row
    from e3db_connectors.singer.tap import TapE3DB
    from e3db_connectors.wire.records import Meta, Result


@dataclasses.dataclass(slots=True)
class RecordTypeMetadata(StreamMetadata):
    """Metadata of a stream, with the true name of its record type (``e3db-record-type``)."""

    e3db_record_type: str | None = None


class RecordTypeStream(PagedStream):
    """A stream that has to do with one record type."""

    def __init__(self, tap: TapE3DB, record_type: str, name: str, schema: dict[str, Any]) -> None:
        """Describe the stream."""
        self.record_type = record_type
        self._client, self._options = tap.client, tap.options
        super().__init__(tap, schema, name)

    @property
    def metadata(self) -> MetadataMapping:
        """The catalog's metadata."""
        mapping = super().metadata
        root = mapping[()]
        if not isinstance(root, RecordTypeMetadata):
            known = {item.name: getattr(root, item.name) for item in dataclasses.fields(StreamMetadata)}
            mapping[()] = RecordTypeMetadata(**known, e3db_record_type=self.record_type)
        return mapping

    def selected_columns(self) -> set[str]:
        """The columns that rows are to have."""
        return {column for column in self.schema["properties"] if self.mask["properties", column]}


class RecordStream(RecordTypeStream):
    """Reads the records of one type, in windows of the time of their last change or all of them."""

    primary_keys = (KEY,)
    replication_key = CURSOR

    def __init__(self, tap: TapE3DB, described: RecordType) -> None:
        """Describe the stream."""
        self._fields = described.fields
        self._with_files = described.has_files or tap.options.files is not None
        self._client, self._options, self.record_type = tap.client, tap.options, described.name
        schema = {"type": "object", "properties": self._columns()}
        super().__init__(tap, described.name, stream_name(described.name), schema)

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what the catalog asks for.

        Raises:
            ConfigError: It asks for what there is not.
        """
        super().apply_catalog(catalog)
        if catalog.get_stream(self.name):
            self._take_columns(self.effective_schema["properties"])
        if self.replication_method not in {REPLICATION_INCREMENTAL, REPLICATION_FULL_TABLE}:
            raise ConfigError(
                f"stream {self.name}: there is no replication method {self.replication_method}; "
                f"choose {REPLICATION_INCREMENTAL} or {REPLICATION_FULL_TABLE}"
            )
        if self.replication_method == REPLICATION_INCREMENTAL and self.replication_key != CURSOR:
            raise ConfigError(f"stream {self.name}: the replication key of incremental reads is {CURSOR}, not {self.replication_key}")

    def read_pages(self, state: dict[str, Any]) -> Iterator[list[Row]]:
        """Read what was changed since the state, or all there is; only selected columns are decrypted."""
        run = Run(self._client, self.record_type, state=state)
        rows = self._reader(self.selected_columns(), run.fields)

        def failed(meta: Meta, error: E3DBError) -> None:
            run.error(error)
            self._options.failures(meta, error)

        if self._options.record_ids is not None:
            yield from self._read_again(rows, run, failed)
        elif self.replication_method == REPLICATION_FULL_TABLE:
            yield from self._read_all(rows, run, failed)
        else:
            yield from self._read_changes(rows, run, failed, state)
        self._report(run, state)

    def _read_changes(self, rows: RowReader, run: Run, failed: Any, state: dict[str, Any]) -> Iterator[list[Row]]:
        engine = Engine(
            ClientSource(self._client),
            self.record_type,
            state=state,
            since=self._options.since,
            until=self._options.until,
            all_writers=self._options.all_writers,
            writer_ids=self._options.writer_ids,
            tuning=self._options.tuning,
            opener=self._opener(rows),
            on_failure=failed,
            count=run.count,
        )
        for step in engine.run():
            self._options.failures.flush()  # what is left out has to be noted before a state goes past it
            yield step.rows
            state.update(step.state)
            self.state_moved()

    def _read_all(self, rows: RowReader, run: Run, failed: Any) -> Iterator[list[Row]]:
        read = FullRead(
            ClientSource(self._client),
            self.record_type,
            all_writers=self._options.all_writers,
            writer_ids=self._options.writer_ids,
            page_size=self._options.tuning.page_size,
            opener=self._opener(rows),
            on_failure=failed,
            count=run.count,
        )
        for page in read.pages():
            self._options.failures.flush()
            yield page
        if read.is_whole:
            self.activate_version()
        else:
            self.logger.warning("not all records could be read, so what is gone from %s stays in the destination", self.name)

    def _read_again(self, rows: RowReader, run: Run, failed: Any) -> Iterator[list[Row]]:
        self._stream_version = None  # some rows are no table
        ids = self._options.record_ids or ()
        read = NamedRead(ClientSource(self._client), self.record_type, ids, opener=self._opener(rows), on_failure=failed, count=run.count)
        for page in read.pages():
            self._options.failures.flush()
            yield page

    def _take_columns(self, wanted: dict[str, Any]) -> None:
        """The catalog is what the loader has been told: its columns, and what they read as, are the ones that rows have.

        Columns may have come and gone since it was made, for those of a sample are what its records happen to have.
        """
        self._fields = {**self._fields, **{column: schema for column, schema in wanted.items() if self._is_field(column, schema)}}
        self._with_files = self._with_files or FILE_COLUMN in wanted
        columns = self._columns()
        if missing := columns.keys() - wanted.keys():
            self.logger.warning("columns of %s that the catalog does not know are left out: %s", self.name, ", ".join(sorted(missing)))
        self._schema = {**self.schema, "properties": {column: schema for column, schema in columns.items() if column in wanted}}

    def _is_field(self, column: str, schema: dict[str, Any]) -> bool:
        """Whether a column of the catalog is a field that this run has not met, or reads as something else there."""
        if column == EXTRA or column.lower().startswith(RESERVED_PREFIXES):
            return False
        known = self.schema["properties"].get(column)
        shown_whole = isinstance(self._options.policy.rule_of(self.record_type, column), Decrypt)
        return known is None or (column in self._fields and known != schema and shown_whole)

    def _columns(self) -> dict[str, Any]:
        return self._reader().columns() | ({FILE_COLUMN: FILE_SCHEMA} if self._with_files else {})

    def _opener(self, rows: RowReader) -> Callable[[Result], Row]:
        """What makes rows of the selected columns; a reader leaves out data columns alone, and knows no files."""
        selected = self.selected_columns()
        deselected = META_COLUMNS.keys() - selected
        if not deselected and FILE_COLUMN not in selected:
            return rows.row

        def opened(result: Result) -> Row:
            row = rows.row(result)
            for column in deselected:
                row.pop(column, None)
            if FILE_COLUMN in selected:
                row[FILE_COLUMN] = self._file(result.meta)
            return row

        return opened

    def _file(self, meta: Meta) -> dict[str, Any] | None:
        """What is told of a file; it itself is put where it belongs before, so that no row goes without."""
        store = self._options.files if meta.file_meta is not None else None
        return file_value(meta, store.save(self._client, meta) if store else None)

    def _reader(self, selected: set[str] | None = None, counts: FieldCounts | None = None) -> RowReader:
        return RowReader(
            self._client,
            self.record_type,
            self._fields,
            selected,
            **({} if counts is None else {"counts": counts}),
            policy=self._options.policy,
            pseudonymiser=self._options.pseudonymiser,
            unknown_fields=self._options.unknown_fields,
        )

    def _report(self, run: Run, state: dict[str, Any]) -> None:
        report = run.report(state)
        self.logger.info("%d fields decrypted, %d left sealed", report.fields.decrypted, report.fields.untouched)
        self.logger.info(
            "%d rows of %d windows in %d requests; %d read again, %d missing from the index",
            *(report.rows, report.windows, report.requests, report.rereads, report.ghosts),
        )
        if report.errors:
            self.logger.warning("%d records left out: %s", sum(report.errors.values()), report.errors)
