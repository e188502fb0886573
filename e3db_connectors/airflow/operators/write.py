"""Writing records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import determine_kwargs
from airflow.sdk import AssetAlias, XComArg

from e3db_connectors.airflow.assets import ALIAS, asset_of, emit
from e3db_connectors.airflow.operators.base import E3DBOperator, password_of
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.failures import MAX_ERRORS
from e3db_connectors.sync.names import require_several

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from airflow.sdk import Context

    from e3db_connectors.sync.values import Schema

    Row = Mapping[str, Any]
    Rows = Iterable[Row] | Callable[..., Iterable[Row]]


class E3DBWriteRecordsOperator(E3DBOperator):
    """Write rows as records: each updates the record that has its key, or creates one; an equal one writes nothing.

    So a task that is tried again doubles nothing, as long as the rows have a key.

    :param record_type: The records' type. (templated)
    :param rows: A callable that returns rows, or rows: columns with their values, any number. The callable is given what it names of
        `op_kwargs` and of the context. They are not templated, nor can they be the output of a task: Airflow would keep them in clear.
    :param op_kwargs: Arguments for the callable. (templated)
    :param key_columns: What tells rows apart; without any, each row becomes a record, and another try writes it again. (templated)
    :param columns: Column → JSON Schema; by default as the values are.
    :param plain_columns: Columns whose texts also stay in clear, so that the server can search them. (templated)
    :param share_with: Ids of clients that may read the type. (templated)
    :param key_secret_conn_id: A connection whose password is the secret of the keys' hashes; by default it is derived from the private key.
    :param on_error: Rows that cannot be written: ``fail``, ``skip`` or ``dead_letter``.
    :param max_errors: More than these end the task anyway.
    :param dead_letter_file: Where ``dead_letter`` writes hashed keys and classes of errors; a file of the worker. (templated)
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = (
        "record_type",
        "op_kwargs",
        "key_columns",
        "plain_columns",
        "share_with",
        "dead_letter_file",
        "e3db_conn_id",
    )

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        record_type: str,
        rows: Rows,
        op_kwargs: Mapping[str, Any] | None = None,
        key_columns: Sequence[str] = (),
        columns: Mapping[str, Schema] | None = None,
        plain_columns: Collection[str] = (),
        share_with: Collection[str] = (),
        key_secret_conn_id: str | None = None,
        on_error: str = "fail",
        max_errors: int = MAX_ERRORS,
        dead_letter_file: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to write."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.rows = rows
        self.op_kwargs = op_kwargs
        self.key_columns = key_columns
        self.columns = columns
        self.plain_columns = plain_columns
        self.share_with = share_with
        self.key_secret_conn_id = key_secret_conn_id
        self.on_error = on_error
        self.max_errors = max_errors
        self.dead_letter_file = dead_letter_file
        self._keyed = bool(key_columns) or "key_columns" in self._mapped
        self.outlets = [*self.outlets, AssetAlias(ALIAS)]

    def execute(self, context: Context) -> dict[str, Any]:
        """Write, in the memory of one batch."""
        with self.open_hook() as hook:
            require_several(self.key_columns, "key_columns")
            if self._keyed and not self.key_columns:
                raise UsageError("key_columns is empty: each try would write all rows once more; leave it out if that is meant")
            counts = hook.write_rows(
                self.record_type,
                rows_of(self.rows, self.op_kwargs, context),
                self.key_columns,
                columns=self.columns,
                plain_columns=self.plain_columns,
                share_with=self.share_with,
                key_secret=password_of(self.key_secret_conn_id),
                on_error=self.on_error,
                max_errors=self.max_errors,
                dead_letter_file=self.dead_letter_file,
            )
            manifest = {"record_type": self.record_type, **counts}
            emit(context, self.outlets, asset_of(hook.get_conn(), self.record_type), manifest)
        self.log.info("records of type %s: %s", self.record_type, counts)
        return manifest


def rows_of(rows: Any, op_kwargs: Mapping[str, Any] | None, context: Context) -> Iterable[Row]:
    """The rows that a task is about.

    Raises:
        UsageError: They are none.
    """
    if not isinstance(op_kwargs, (Mapping, NoneType)):
        raise UsageError(f"op_kwargs maps names to values; it is {type(op_kwargs).__name__}")
    if callable(rows):
        rows = rows(**determine_kwargs(rows, (), {**context, **(op_kwargs or {})}))
    if isinstance(rows, (str, bytes, Mapping, XComArg)) or not isinstance(rows, Iterable):
        raise UsageError(
            f"rows is {type(rows).__name__}: give rows, or a callable that returns them; the output of a task cannot be given, for "
            "Airflow would keep the rows in clear"
        )
    return rows
