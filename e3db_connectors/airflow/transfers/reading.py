"""What the transfers share that read records: which and how, and waiting for the end of a window."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import conf
from airflow.sdk.exceptions import AirflowRescheduleException

from e3db_connectors.airflow.lineage import moves_of_reading
from e3db_connectors.airflow.operators.base import given_of, password_of
from e3db_connectors.airflow.transfers.base import E3DBTransferOperator
from e3db_connectors.airflow.transfers.windows import Window, window_of
from e3db_connectors.errors import UsageError
from e3db_connectors.policy import Policy, Pseudonymiser, pseudonymiser
from e3db_connectors.sync import RecordFailures, Tuning, read_pages
from e3db_connectors.sync.columns import fields_of
from e3db_connectors.sync.rows import EXTRA, META_COLUMNS, RowReader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from e3db_connectors.airflow.lineage import Move
    from e3db_connectors.client import Client
    from e3db_connectors.sync import RowPage
    from e3db_connectors.sync.report import Run
    from e3db_connectors.sync.rows import UnknownFields
    from e3db_connectors.sync.values import Schema

_SLEEP_MAX: Final = timedelta(seconds=30)
_KEEP_SLOT_MAX: Final = timedelta(minutes=2)
"""A task that waits longer gives its slot back."""


class E3DBReadingOperator(E3DBTransferOperator):
    """Base of the transfers that read records.

    :param record_type: The type to read. (templated)
    :param since: Only what was changed at or after this time. (templated)
    :param until: Only what was changed before this time; the task waits until it has passed by the server's clock. (templated)
    :param columns: Only these columns, beside those of E3DB; others are never decrypted. (templated)
    :param policy: Rules on columns, or the path of a file with them. (templated)
    :param pseudonym_conn_id: A connection whose password is the key of pseudonyms; without one, it is in ``E3DB_PSEUDONYM_KEY``.
    :param all_writers: Also what others share with the client.
    :param unknown_fields: Fields that are in no schema: ``json_column``, ``drop`` or ``error``.
    :param on_error: Records that do not open or fit: ``fail``, ``skip`` or ``dead_letter``.
    :param max_errors: More than these end the task anyway.
    :param dead_letter_file: Where ``dead_letter`` writes ids and classes of errors; a file of the worker. (templated)
    :param lookback_seconds: How far before `since`, or before the last run, is read again: the index lags.
    :param settle_seconds: How long after `until` nothing new is expected in a window.
    :param page_size: Records of a request.
    :param max_workers: Pages that are fetched and decrypted at a time.
    :param deferrable: Wait for the end of a window in the triggerer.
    """

    writes_records = False
    template_fields: Sequence[str] = ("record_type", "since", "until", "columns", "policy", "dead_letter_file", "e3db_conn_id")

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        columns: Collection[str] | None = None,
        policy: Mapping[str, Any] | str | None = None,
        pseudonym_conn_id: str | None = None,
        all_writers: bool = False,
        unknown_fields: UnknownFields = "json_column",
        on_error: str = "fail",
        max_errors: int = 100,
        dead_letter_file: str | None = None,
        lookback_seconds: float = 300,
        settle_seconds: float = 5,
        page_size: int = 1_000,
        max_workers: int = 4,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        """Keep what to read."""
        super().__init__(**kwargs)
        self.since = since
        self.until = until
        self.columns = columns
        self.policy = policy
        self._given = given_of(self, ("policy", "columns"))
        self.pseudonym_conn_id = pseudonym_conn_id
        self.all_writers = all_writers
        self.unknown_fields = unknown_fields
        self.on_error = on_error
        self.max_errors = max_errors
        self.dead_letter_file = dead_letter_file
        self.lookback_seconds = lookback_seconds
        self.settle_seconds = settle_seconds
        self.page_size = page_size
        self.max_workers = max_workers
        self.deferrable = deferrable
        self._reading: Reading | None = None

    def window(self) -> Window:
        """The window that was asked for."""
        return window_of(self.since, self.until)

    def tuning(self) -> Tuning:
        """How to read."""
        return Tuning(
            lookback_seconds=self.lookback_seconds,
            settle_seconds=self.settle_seconds,
            page_size=self.page_size,
            max_workers=self.max_workers,
        )

    def rules(self) -> Policy:
        """The rules on columns; what decides what is decrypted is looked at here.

        Raises:
            UsageError: They, or the columns, are given, and have rendered to nothing: everything would be decrypted.
        """
        for name in sorted(self._given):
            value = getattr(self, name)
            if value is None or (name == "policy" and (not value or value == "None")):
                raise UsageError(f"{name} is empty: everything would be decrypted; leave it out if that is meant")
        if self.policy is None:
            return Policy()
        return Policy.from_file(self.policy) if isinstance(self.policy, str) else Policy.from_value(self.policy)

    def await_end(self, client: Client, window: Window) -> None:
        """Return once nothing new can get into a window; a long wait gives the worker's slot back.

        Raises:
            TaskDeferred: The triggerer waits.
            AirflowRescheduleException: The scheduler waits.
        """
        self.rules()  # what is wrong with them is told before the wait
        settle = self.tuning().settle
        while left := window.wait(client.server_time(), settle):
            self.log.info("waiting %s for the end of the window", left)
            then = datetime.now(UTC) + left
            if self.deferrable:
                self.defer(trigger=DateTimeTrigger(moment=then), method_name="execute_complete")
            if left > _KEEP_SLOT_MAX:
                raise AirflowRescheduleException(then)  # type: ignore[no-untyped-call]
            time.sleep(min(left, _SLEEP_MAX).total_seconds())

    def execute_complete(self, context: Context, event: Any = None) -> Any:  # noqa: ARG002 - Airflow's
        """Go on after the triggerer has waited; the server's clock may still be behind."""
        return self.execute(context)

    def reading(self, client: Client, run: Run) -> Reading:
        """What is read, with the columns that rows will have."""
        self._reading = Reading(self, client, run)
        return self._reading

    def moves(self) -> list[Move]:
        """Fields into columns."""
        reading, self._reading = self._reading, None  # it has the client, and the key of pseudonyms
        return [] if reading is None else reading.moves()


class Reading:
    """Records of one type, as rows.

    Args:
        operator: What it was asked for.
        client: Who reads.
        run: Counts.
    """

    def __init__(self, operator: E3DBReadingOperator, client: Client, run: Run) -> None:
        """Ask for the fields; nothing else is read yet."""
        self._operator, self._client, self._run = operator, client, run
        self._policy = operator.rules()
        self._pseudonymiser = self._found_pseudonymiser()
        self._fields = fields_of(client, operator.record_type, all_writers=operator.all_writers)
        path = operator.dead_letter_file
        self.failures = RecordFailures(operator.on_error, operator.max_errors, Path(path) if path else None)

    def columns(self) -> dict[str, Schema]:
        """The columns of the rows."""
        return self._reader.columns()

    def hidden(self) -> list[str]:
        """The columns that records have beside."""
        shown = self.columns()
        return [treatment.column for treatment in self._reader.treatments().values() if treatment.column not in shown]

    def warnings(self) -> list[str]:
        """Columns that are asked for and are none; of a type without records, or of fields that only later ones have, nothing is known."""
        fields = self._reader.treatments()
        there = {*(treatment.column for treatment in fields.values()), *META_COLUMNS, EXTRA}
        missing = sorted(set(self._operator.columns or ()) - there) if fields else []
        named = [f"{name} (its column is called {fields[name].column})" if name in fields else name for name in missing]
        return [f"columns names what no column of {self._operator.record_type} is called: {', '.join(named)}"] if named else []

    def mark(self) -> str:
        """A hash of the settings that decide what columns show; of a key, what names it."""
        operator, policy = self._operator, self._policy
        rules = [{**msgspec.to_builtins(rule), "record_type": "*"} for rule in policy.rules if rule.covers_type(operator.record_type)]
        columns = None if operator.columns is None else sorted(set(operator.columns))
        key = repr(self._pseudonymiser) if policy.needs_key(operator.record_type) else None
        return blake2b(msgspec.json.encode([columns, operator.unknown_fields, policy.default, rules, key]), digest_size=8).hexdigest()

    def moves(self) -> list[Move]:
        """What has become of each field."""
        return moves_of_reading(self._reader, self._run.fields)

    def pages(self, window: Window, state: dict[str, Any] | None = None, *, exactly: bool = False) -> Iterator[RowPage]:
        """Read a window, or what was changed since a state.

        Args:
            window: The window.
            state: What is known from the last run.
            exactly: Without what is dated before the window; otherwise the look-back is read, too, for what the index showed late.
        """
        operator, tuning = self._operator, self._operator.tuning()
        since = window.since if window.since is None or exactly else window.since - tuning.lookback
        return read_pages(
            self._client,
            operator.record_type,
            since=since,
            until=window.until,
            columns=operator.columns,
            state=state,
            all_writers=operator.all_writers,
            fields=self._fields,
            policy=self._policy,
            pseudonymiser=self._pseudonymiser,
            unknown_fields=operator.unknown_fields,
            failures=self.failures,
            tuning=tuning,
            run=self._run,
        )

    @cached_property
    def _reader(self) -> RowReader:
        operator = self._operator
        return RowReader(
            self._client,
            operator.record_type,
            self._fields,
            operator.columns,
            policy=self._policy,
            pseudonymiser=self._pseudonymiser,
            unknown_fields=operator.unknown_fields,
        )

    def _found_pseudonymiser(self) -> Pseudonymiser | None:
        needed = self._policy.needs_key(self._operator.record_type)
        return pseudonymiser(password_of(self._operator.pseudonym_conn_id) if needed else None)
