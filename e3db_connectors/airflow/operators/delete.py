"""Deleting records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow import deletes
from e3db_connectors.airflow.finding import RecordFilter
from e3db_connectors.airflow.operators.base import E3DBOperator
from e3db_connectors.airflow.transfers.windows import bound_of
from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from e3db_connectors.client import Client


class E3DBDeleteRecordsOperator(E3DBOperator):
    """Delete records of the connection's client: those that are named, or all that fit a description.

    What is gone already is no error: the task may be repeated. Deleted records cannot be brought back.

    :param record_ids: Ids, to delete these records as they are; or a mapping of ids to versions, such as the `versions` that
        `E3DBSearchOperator` returns, to delete those that nobody has changed since. If others are left, the task fails. (templated)
    :param record_type: Instead of ids: delete all records of this type that fit the following. (templated)
    :param plain: Members that are left clear, with their values; all have to fit. Airflow keeps and shows them in clear. (templated)
    :param since: Last modified at or after this time. (templated)
    :param until: Last modified before this time. (templated)
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("record_ids", "record_type", "plain", "since", "until", "e3db_conn_id")
    template_fields_renderers = {"plain": "json"}  # noqa: RUF012 - Airflow's

    def __init__(
        self,
        *,
        record_ids: Collection[str] | Mapping[str, str] | None = None,
        record_type: str | None = None,
        plain: Mapping[str, str] | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to delete."""
        super().__init__(**kwargs)
        self.record_ids = record_ids
        self.record_type = record_type
        self.plain = plain
        self.since = since
        self.until = until

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002 - Airflow's
        """Delete them."""
        with self.open_hook() as hook:
            done = self._delete(hook.get_conn())
        self.log.info("deleted %s records, %s were not there", done.deleted, done.missing)
        if done.changed:
            some = ", ".join(done.changed[:5])
            raise AirflowFailException(f"{len(done.changed)} records have been changed since, and are still there: {some}")
        return {"deleted": done.deleted, "missing": done.missing}

    def _delete(self, client: Client) -> deletes.Deleted:
        by_filter = [self.record_type, self.plain, self.since, self.until]
        if self.record_ids is not None:
            if any(each is not None for each in by_filter):
                raise UsageError("give record_ids, or record_type with what else has to fit, not both")
            if isinstance(self.record_ids, Mapping):
                return deletes.by_versions(client, self.record_ids)
            return deletes.by_ids(client, self.record_ids)
        if not self.record_type:
            raise UsageError("give record_ids or record_type")
        for name in ("since", "until"):
            if getattr(self, name) is not None and bound_of(getattr(self, name)) is None:
                raise UsageError(f"{name} is empty: everything would be deleted; leave it out if that is meant")
        return deletes.by_filter(client, RecordFilter(record_type=self.record_type, plain=self.plain, since=self.since, until=self.until))
