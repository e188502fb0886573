"""What the transfers share that write records."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.lineage import moves_of_writing
from e3db_connectors.airflow.operators.base import password_of
from e3db_connectors.airflow.rows import require_one_kind
from e3db_connectors.airflow.sql.rows import QueryColumns
from e3db_connectors.airflow.transfers.base import E3DBTransferOperator
from e3db_connectors.client.arguments import texts
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.column_schemas import require_schemas
from e3db_connectors.sync.names import require_several
from e3db_connectors.sync.writing import Failures, WriteOptions, open_writer
from e3db_connectors.sync.writing.outcomes import CREATED, FAILED, SUPERSEDED, UNCHANGED, UPDATED, RowOutcome

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from e3db_connectors.airflow.lineage import Move
    from e3db_connectors.client import Client
    from e3db_connectors.errors import E3DBError
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing import RowWriter


class E3DBWritingOperator(E3DBTransferOperator):
    """Base of the transfers that write records.

    :param record_type: The type of the records. (templated)
    :param key_columns: What tells rows apart. (templated)
    :param plain_columns: Columns whose values also stay in clear, so that the server can search them. (templated)
    :param column_schemas: JSON Schemas of columns; by default as the source types them, or as the values are. (templated)
    :param share_with: Ids of clients that may read the records. (templated)
    :param key_secret_conn_id: A connection whose password is the secret of the keys' hashes; by default it is derived from the private key.
    :param on_error: Rows that cannot be written: ``fail``, ``skip`` or ``dead_letter``.
    :param max_errors: More than these end the task anyway.
    :param dead_letter_file: Where ``dead_letter`` writes hashed keys and classes of errors; a file of the worker. (templated)
    :param batch_size: Rows that are held at once.
    :param workers: Rows that are on their way at once.
    """

    writes_records = True
    template_fields: Sequence[str] = (
        "record_type",
        "key_columns",
        "plain_columns",
        "column_schemas",
        "share_with",
        "dead_letter_file",
        "e3db_conn_id",
    )

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        key_columns: Sequence[str] | str,
        plain_columns: Collection[str] = (),
        column_schemas: Mapping[str, Schema] | None = None,
        share_with: Collection[str] = (),
        key_secret_conn_id: str | None = None,
        on_error: str = "fail",
        max_errors: int = 100,
        dead_letter_file: str | None = None,
        batch_size: int = 1_000,
        workers: int = 16,
        **kwargs: Any,
    ) -> None:
        """Keep what to write."""
        super().__init__(**kwargs)
        self.key_columns = key_columns
        self.plain_columns = plain_columns
        self.column_schemas = column_schemas
        self.share_with = share_with
        self.key_secret_conn_id = key_secret_conn_id
        self.on_error = on_error
        self.max_errors = max_errors
        self.dead_letter_file = dead_letter_file
        self.batch_size = batch_size
        self.workers = workers
        self._writing: Writing | None = None

    @property
    def keys(self) -> list[str]:
        """The key's columns; one alone may be given as a text."""
        return texts(self.key_columns)

    def options(self) -> WriteOptions:
        """How rows are written."""
        secret = password_of(self.key_secret_conn_id)
        return WriteOptions(key_secret=secret, share_with=self.share_with, workers=self.workers, plain_columns=self.plain_columns)

    def writing(self, client: Client) -> Writing:
        """What takes the batches of rows."""
        self._writing = Writing(self, client)
        return self._writing

    def moves(self) -> list[Move]:
        """Columns into fields."""
        writing, self._writing = self._writing, None  # it has the client
        return [] if writing is None else moves_of_writing(writing.columns(), self.plain_columns)


class Writing:
    """Batches of rows on their way to records.

    Args:
        operator: How.
        client: Who writes.

    Raises:
        UsageError: There is no key: each try of the task would write all rows once more.
    """

    def __init__(self, operator: E3DBWritingOperator, client: Client) -> None:
        """Nothing is written yet."""
        if not operator.keys:
            raise UsageError("key_columns is empty: each try of the task would write all rows once more")
        require_several(operator.plain_columns, "plain_columns")
        require_several(operator.share_with, "share_with")
        if operator.column_schemas is not None:
            require_schemas(operator.column_schemas)
        self._operator, self._client, self._keys = operator, client, operator.keys
        self._columns = QueryColumns(operator.record_type, operator.column_schemas or {})
        path = operator.dead_letter_file
        self._failures = Failures(operator.on_error, operator.max_errors, Path(path) if path else None)
        self._writer: RowWriter | None = None
        self._written_as: Mapping[str, Schema] = {}
        self._counts: Counter[str] = Counter(dict.fromkeys((CREATED, UPDATED, UNCHANGED, SUPERSEDED, FAILED), 0))

    def write(self, names: Sequence[str], types: Sequence[str | None], rows: Sequence[Sequence[Any]]) -> None:
        """Write a batch; all of it is stored when this returns.

        Raises:
            UsageError: A column is missing, or a value cannot be stored.
        """
        missing = sorted({*self._keys, *self._operator.plain_columns} - set(names))
        if missing:
            raise UsageError(f"there is no column {', '.join(missing)}; there are {', '.join(names)}")
        taken = self._columns.take(names, types, rows)
        schemas = self._columns.schemas()
        open_keys = set(self._keys) - set(self._operator.column_schemas or ())
        require_one_kind(self._operator.record_type, schemas, open_keys, "column_schemas")
        if self._writer is None or schemas != self._written_as:
            self._written_as = schemas
            self._writer = open_writer(
                self._client, self._operator.record_type, schemas, self._keys, options=self._operator.options(), failures=self._failures
            )
        self._counts.update(outcome.outcome for outcome in self._writer.write(taken))

    def refuse(self, number: int, error: E3DBError) -> None:
        """Count a row that cannot even be read as one that cannot be written.

        Args:
            number: Of the row, or of its line.
            error: Why.

        Raises:
            E3DBError: *error*, if the run is to end with it.
            TooManyErrors: There were too many already.
        """
        self._failures.add(self._operator.record_type, RowOutcome(number, FAILED, error=type(error).__name__), error)
        self._failures.flush()
        self._counts[FAILED] += 1

    def columns(self) -> dict[str, Schema]:
        """The columns that there were, as they are written."""
        return self._columns.schemas()

    def counts(self) -> dict[str, int]:
        """How many rows there were, and what became of them."""
        return {"records": self._counts.total(), **self._counts}
