"""Deleting records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow import deletes
from e3db_connectors.airflow.assets import ALIAS, asset_of, emit
from e3db_connectors.airflow.finding import RecordFilter
from e3db_connectors.airflow.operators.base import E3DBOperator, given_of, password_of
from e3db_connectors.airflow.operators.write import rows_of
from e3db_connectors.airflow.transfers.windows import bound_of
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import require_several

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from e3db_connectors.airflow.hooks.e3db import E3DBHook
    from e3db_connectors.airflow.operators.write import Rows
    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema


class E3DBDeleteRecordsOperator(E3DBOperator):
    """Delete records of the connection's client: those that are named, those of rows, or all that fit a description.

    What is gone already is no error: the task may be repeated. Deleted records cannot be brought back. An event of the asset of their type,
    or of each type of which it has deleted some, tells how many.

    :param record_ids: Ids, to delete these records as they are; or a mapping of ids to versions, such as the `versions` that
        `E3DBSearchOperator` returns, to delete those that nobody has changed since. If others are left, the task fails. (templated)
    :param record_type: Instead of ids: delete the records of this type that fit the following. (templated)
    :param plain: Members that are left clear, with their values; all have to fit. Airflow keeps and shows them in clear. (templated)
    :param since: Last modified at or after this time. (templated)
    :param until: Last modified before this time. (templated)
    :param rows: Instead of `plain` and times: the records that were written for these rows. A callable that returns rows, or their keys
        alone, or a list; see `E3DBWriteRecordsOperator`.
    :param op_kwargs: Arguments for the callable. (templated)
    :param key_columns: What tells rows apart, as they were written. (templated)
    :param columns: Column → JSON Schema, as they were written; by default as the values are.
    :param key_secret_conn_id: A connection whose password is the secret of the keys' hashes, as they were written.
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = (
        "record_ids",
        "record_type",
        "plain",
        "since",
        "until",
        "op_kwargs",
        "key_columns",
        "e3db_conn_id",
    )
    _needed = ()
    template_fields_renderers = {"plain": "json"}  # noqa: RUF012 - Airflow's

    def __init__(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        *,
        record_ids: Collection[str] | Mapping[str, str] | None = None,
        record_type: str | None = None,
        plain: Mapping[str, str] | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        rows: Rows | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        key_columns: Sequence[str] = (),
        columns: Mapping[str, Schema] | None = None,
        key_secret_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to delete."""
        super().__init__(**kwargs)
        self.record_ids = record_ids
        self.record_type = record_type
        self.plain = plain
        self.since = since
        self.until = until
        self.rows = rows
        self.op_kwargs = op_kwargs
        self.key_columns = key_columns
        self.columns = columns
        self.key_secret_conn_id = key_secret_conn_id
        # What is given may render to nothing, and must not count as left out then.
        self._given = given_of(self, ("record_ids", "plain", "since", "until", "rows"))
        self.outlets = [*self.outlets, AssetAlias(ALIAS)]

    def execute(self, context: Context) -> dict[str, int]:
        """Delete them."""
        with self.open_hook() as hook:
            self._check()
            if not self._given and context["ti"].map_index is not None and context["ti"].map_index >= 0:
                raise UsageError(
                    "a mapped task gives no condition, which may have been mapped to nothing; since='1970-01-01' means all records"
                )
            if self.record_ids is not None:
                done = self._named(hook.get_conn(), self.record_ids)
            elif self.rows is not None:
                done = self._of_rows(hook, context)
            else:
                done = deletes.by_filter(hook.get_conn(), self._filter())
            self._tell(context, hook.get_conn(), done)
        self.log.info("deleted %s records, %s were not there", done.deleted, done.missing)
        if done.changed:
            some = ", ".join(done.changed[:5])
            raise AirflowFailException(f"{len(done.changed)} records have been changed since, and are still there: {some}")
        return {"deleted": done.deleted, "missing": done.missing}

    def _tell(self, context: Context, client: Client, done: deletes.Deleted) -> None:
        types = {self.record_type: done.deleted} if self.record_type else done.by_type
        for record_type, deleted in types.items():
            emit(context, self.outlets, asset_of(client, record_type), {"record_type": record_type, "deleted": deleted})

    def _check(self) -> None:
        """See that exactly one of the three ways is meant: what is deleted is gone."""
        described = self._given & {"plain", "since", "until"}
        if "record_ids" in self._given and (described or "rows" in self._given or self.record_type is not None):
            raise UsageError("give record_ids alone, or record_type with what else has to fit")
        if "rows" in self._given and described:
            raise UsageError("give rows, or plain and times, not both")
        if "record_ids" not in self._given and not self.record_type:
            raise UsageError("give record_ids or record_type")
        if self.rows is None and ("rows" in self._given or self.key_columns or self.op_kwargs or self.columns):
            raise UsageError("key_columns, op_kwargs and columns go with rows, and there are none")
        for name in sorted(self._given - {"rows"}):
            if _is_nothing(name, getattr(self, name)):
                raise UsageError(f"{name} is empty: too much would be deleted; leave it out if that is meant")

    def _named(self, client: Client, record_ids: Collection[str] | Mapping[str, str]) -> deletes.Deleted:
        if isinstance(record_ids, Mapping):
            return deletes.by_versions(client, record_ids)
        return deletes.by_ids(client, record_ids)

    def _of_rows(self, hook: E3DBHook, context: Context) -> deletes.Deleted:
        require_several(self.key_columns, "key_columns")
        counts = hook.delete_rows(
            self.record_type or "",
            rows_of(self.rows, self.op_kwargs, context),
            self.key_columns,
            columns=self.columns,
            key_secret=password_of(self.key_secret_conn_id),
        )
        return deletes.Deleted({self.record_type or "": counts["deleted"]}, counts["absent"])

    def _filter(self) -> RecordFilter:
        return RecordFilter(record_type=self.record_type or "", plain=self.plain, since=self.since, until=self.until)


def _is_nothing(name: str, value: Any) -> bool:
    """Whether an argument has rendered to nothing; an empty list of ids is one, of which no record is deleted."""
    if name == "record_ids":
        return value is None
    return not value if name == "plain" else bound_of(value) is None
