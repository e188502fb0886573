"""Records of a type into a file: whole or not at all, and with a state file only what has changed since."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.errors import E3DBError, LocalFileError, StateError, UsageError
from e3db_connectors.policy import Policy
from e3db_connectors.sync.atomic import require_free, written_whole
from e3db_connectors.sync.columns import fields_of
from e3db_connectors.sync.file_formats import FORMATS, row_file
from e3db_connectors.sync.progress import NoProgress
from e3db_connectors.sync.reading import ClientSource, Engine
from e3db_connectors.sync.reading import state as states
from e3db_connectors.sync.reading.failures import RecordFailures
from e3db_connectors.sync.reading.full import NamedRead
from e3db_connectors.sync.reading.question import Question
from e3db_connectors.sync.reading.tuning import Tuning
from e3db_connectors.sync.report import Run
from e3db_connectors.sync.rows import KEY, RowReader
from e3db_connectors.wire import limits, times

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from e3db_connectors.client import Client
    from e3db_connectors.errors import ValueMismatch
    from e3db_connectors.policy import Pseudonymiser
    from e3db_connectors.sync.progress import Progress
    from e3db_connectors.sync.report import Report
    from e3db_connectors.sync.rows import UnknownFields
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.wire.records import Meta

    Row = dict[str, Any]
    Failed = Callable[[Meta, E3DBError], None]

_STATE_MAX: Final = 1 << 20
"""Bytes of a state file; a state has some thousand."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Export:
    """An export, described; `run` does it.

    Args:
        client: Who reads.
        record_type: What.
        destination: The file, which says by the end of its name what it is: ``.jsonl``, ``.csv`` or ``.parquet``.
        state_file: Where the state is kept: if it is there, only what has changed since is exported. It is written once the
            destination is in place.
        since: Only what was changed at or after this time.
        until: Only what was changed before this time.
        columns: Only these columns, and the record's id; None: all. Others are never decrypted.
        policy: The rules on columns.
        pseudonymiser: What makes pseudonyms, if a rule asks for them.
        unknown_fields: See `rows.RowReader`.
        all_writers: Also what others share with the client.
        record_ids: Exactly these records, whoever has written them; None: no such limit.
        failures: What is done about records that do not open or do not fit; by default the first one is raised.
        overwrite: Replace a file that is at the destination.
        progress: Is told how far it has come.
        tuning: How to read.
    """

    client: Client = field(repr=False)
    record_type: str
    destination: Path
    state_file: Path | None = None
    since: datetime | None = None
    until: datetime | None = None
    columns: Collection[str] | None = None
    policy: Policy = field(default_factory=Policy)
    pseudonymiser: Pseudonymiser | None = None
    unknown_fields: UnknownFields = "json_column"
    all_writers: bool = False
    record_ids: Collection[str] | None = None
    failures: RecordFailures = field(default_factory=RecordFailures)
    overwrite: bool = False
    progress: Progress = field(default_factory=NoProgress)
    tuning: Tuning = field(default_factory=Tuning)

    def run(self) -> Report:
        """Export.

        Raises:
            UsageError: The format, a column or the policy is none, options exclude each other, or a value does not fit its column.
            StateError: The state file holds no state, or that of something else.
            LocalFileError: The file cannot be written, or is there already.
            E3DBError: As the client and the engine raise it. The destination and the state are as they were.
        """
        make = FORMATS.get(self.destination.suffix.lower())
        if make is None:
            raise UsageError(f"the name of the file must end in one of {', '.join(FORMATS)}")
        if self.record_ids is not None and (self.state_file or self.since or self.until):
            raise UsageError("record ids say what is read: they go with no state and no time")
        require_free(self.destination, overwrite=self.overwrite)  # not only when all has been read
        if self.state_file is not None:
            require_free(self.state_file, overwrite=True)
            if self.state_file.resolve() == self.destination.resolve():
                raise UsageError("the state needs a file of its own")
        state = _read_state(self.state_file)
        run = Run(self.client, self.record_type, state=state)
        reader = self._reader(run)
        columns = self._chosen(reader)

        def refused(row: Mapping[str, Any], error: ValueMismatch) -> None:
            run.error(error)
            run.count(rows=-1)  # it has been read, but does not get into the file
            self.failures.row(self.record_type, row, error)

        with written_whole(self.destination, overwrite=self.overwrite) as file, row_file(make, file, columns, refused) as target:
            for rows, reached in self._pages(reader, run, state):
                target.write(rows)
                self.failures.flush()  # what is left out has to be noted before a state goes past it
                state = reached
        if self.state_file is not None and state is not None:
            with written_whole(self.state_file, overwrite=True) as file:
                file.write(msgspec.json.encode(state) + b"\n")
        return run.report(state)

    def _reader(self, run: Run) -> RowReader:
        return RowReader(
            self.client,
            self.record_type,
            fields_of(self.client, self.record_type, all_writers=self.all_writers or self.record_ids is not None),
            self.columns,
            run.fields,
            self.policy,
            self.pseudonymiser,
            self.unknown_fields,
        )

    def _chosen(self, reader: RowReader) -> dict[str, Schema]:
        columns = reader.columns()
        if self.columns is None:
            return columns
        for column in self.columns:
            if column not in columns:
                there = ", ".join(replace(reader, selected=None).columns())
                raise UsageError(f"{self.record_type} has no column {column}, or the policy drops it; it has {there}")
        return {column: columns[column] for column in (KEY, *self.columns)}

    def _pages(self, reader: RowReader, run: Run, state: dict[str, Any] | None) -> Iterator[tuple[list[Row], dict[str, Any] | None]]:
        """Pages of rows, and the state after each."""

        def failed(meta: Meta, error: E3DBError) -> None:
            run.error(error)
            self.failures(meta, error)

        pages = self._changed(reader, run, state, failed) if self.record_ids is None else self._named(reader, run, failed)
        self.progress.start(self.record_type, self._total(state))
        try:
            for rows, reached in pages:
                yield rows, reached
                self.progress.advance(len(rows))
        finally:
            self.progress.finish()

    def _changed(
        self, reader: RowReader, run: Run, state: dict[str, Any] | None, failed: Failed
    ) -> Iterator[tuple[list[Row], dict[str, Any]]]:
        engine = Engine(
            ClientSource(self.client),
            self.record_type,
            state=state,
            since=self.since,
            until=self.until,
            all_writers=self.all_writers,
            tuning=self.tuning,
            opener=reader.row,
            on_failure=failed,
            count=run.count,
        )
        for step in engine.run():
            yield step.rows, step.state

    def _named(self, reader: RowReader, run: Run, failed: Failed) -> Iterator[tuple[list[Row], None]]:
        """The records that are named, as far as they are there."""
        read = NamedRead(
            ClientSource(self.client), self.record_type, self.record_ids or (), opener=reader.row, on_failure=failed, count=run.count
        )
        for rows in read.pages():
            yield rows, None
        if read.missing:
            wanted = len(set(self.record_ids or ()))
            _log.warning("%d of %d records are not there, or not for this client to read", read.missing, wanted)

    def _total(self, state: Mapping[str, Any] | None) -> int | None:
        """About how many records there will be; None if nobody wants to know, or the index does not say."""
        if isinstance(self.progress, NoProgress):
            return None
        if self.record_ids is not None:
            return len(self.record_ids)
        begin = states.parse(state).bookmark or self.since or times.EPOCH
        total = self.client.search_page(
            Question(self.record_type, all_writers=self.all_writers).request(begin, self.until, limit=1)
        ).total_results
        return total if total < limits.SEARCH_WINDOW else None


def _read_state(path: Path | None) -> dict[str, Any] | None:
    if path is None or not path.exists():
        return None
    try:
        with path.open("rb") as file:
            state = json.loads(file.read(_STATE_MAX))
    except OSError as exc:
        raise LocalFileError(f"cannot read the state {path}: {exc.strerror}") from None
    except (ValueError, RecursionError):
        state = None
    if not isinstance(state, dict):
        raise StateError(f"{path} holds no state; mend it, or begin anew with another file")
    return state
