"""The engine as an iterator, for programs: pages of decrypted rows, each with the state to store after them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from e3db_connectors.policy import FieldCounts, Policy
from e3db_connectors.sync.columns import fields_of
from e3db_connectors.sync.reading.engine import Engine
from e3db_connectors.sync.reading.failures import RecordFailures
from e3db_connectors.sync.reading.source import ClientSource
from e3db_connectors.sync.reading.writers import named
from e3db_connectors.sync.rows import RowReader
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from e3db_connectors.client import Client
    from e3db_connectors.policy import Pseudonymiser
    from e3db_connectors.sync.reading.tuning import Tuning
    from e3db_connectors.sync.report import Run
    from e3db_connectors.sync.rows import UnknownFields
    from e3db_connectors.sync.values import Schema


@dataclass(frozen=True)
class RowPage:
    """Some rows.

    Args:
        rows: Decrypted; see `rows.RowReader` for their columns.
        state: JSON-able. Store it once these rows, and those of all pages before, are stored; then pass it to the next `read_pages`.
    """

    rows: list[dict[str, Any]] = field(repr=False)
    state: dict[str, Any] = field(repr=False)


def read_pages(  # noqa: PLR0913 - what there is to choose; all but the first two have defaults
    client: Client,
    record_type: str,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    columns: Collection[str] | None = None,
    state: dict[str, Any] | None = None,
    *,
    all_writers: bool = False,
    writer_ids: Collection[str] | None = None,
    fields: Mapping[str, Schema] | None = None,
    policy: Policy | None = None,
    pseudonymiser: Pseudonymiser | None = None,
    unknown_fields: UnknownFields = "json_column",
    failures: RecordFailures | None = None,
    tuning: Tuning | None = None,
    run: Run | None = None,
) -> Iterator[RowPage]:
    """Read what was changed since a state, page by page.

    A row may come again, in the same version or a newer one, and then counts: put rows by ``_e3db_record_id``, in the order of
    their arrival. Leave off wherever you like: who goes on from the last state that was stored misses nothing.

    Args:
        client: Who reads.
        record_type: The type.
        since: Read what was changed at or after this time.
        until: Read what was changed before this time.
        columns: Only these, beside the meta columns; others are never decrypted.
        state: Where the last run left off; None: at the beginning.
        all_writers: Also what others share with the client.
        writer_ids: Only what these have written, which may be others; None: no such limit.
        fields: What the fields are to be read as; None: as the schema record says, else as text.
        policy: Rules on columns.
        pseudonymiser: What makes pseudonyms, if a rule asks for them.
        unknown_fields: See `rows.RowReader`.
        failures: What is done about records that do not open; without it the run ends with the first.
        tuning: Page size, look-back, workers.
        run: Counts what is done, for a report.

    Raises:
        StateError: The state is none, or of something else.
        E3DBError: As the client and the engine raise it.
    """
    failures = failures or RecordFailures()
    rows = RowReader(
        client,
        record_type,
        fields_of(client, record_type, all_writers=all_writers, writer_ids=named(writer_ids)) if fields is None else fields,
        columns,
        counts=run.fields if run else FieldCounts(),
        policy=policy or Policy(),
        pseudonymiser=pseudonymiser,
        unknown_fields=unknown_fields,
    )

    def failed(meta: Any, error: Any) -> None:
        if run:
            run.error(error)
        failures(meta, error)

    engine = Engine(
        ClientSource(client),
        record_type,
        state=state,
        since=_moment(since),
        until=_moment(until),
        all_writers=all_writers,
        writer_ids=writer_ids,
        tuning=tuning,
        opener=rows.row,
        on_failure=failed,
        count=run.count if run else _uncounted,
    )
    return _pages(engine, failures)


def _pages(engine: Engine, failures: RecordFailures) -> Iterator[RowPage]:
    for step in engine.run():
        failures.flush()  # what is left out has to be noted before a state goes past it
        yield RowPage(step.rows, step.state)


def _uncounted(**_amounts: int) -> None:
    """Nobody wants a report."""


def _moment(time: datetime | str | None) -> datetime | None:
    if isinstance(time, str):
        return times.parse(time)
    return None if time is None else times.assume_utc(time)
