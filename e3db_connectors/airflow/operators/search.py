"""Finding records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.finding import LIMIT, RecordFilter, find
from e3db_connectors.airflow.operators.base import E3DBOperator

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from airflow.sdk import Context

    from e3db_connectors.airflow.finding import Manifest


class E3DBSearchOperator(E3DBOperator):
    """Find records by what the server can see of them, and return their ids and versions, never what is in them.

    With ``multiple_outputs=True`` each member of the result is an output of its own, such as ``find.output["record_ids"]``.

    :param record_type: Their type. (templated)
    :param plain: Members that are left clear, with their values; all have to fit. Airflow keeps and shows them in clear. (templated)
    :param writers: Only what these clients have written, as far as they share it; by default the connection's own client. (templated)
    :param all_writers: Also what others share with the client.
    :param since: Last modified at or after this time; ``""`` and ``"None"`` mean no bound. (templated)
    :param until: Last modified before this time. (templated)
    :param limit: So many ids at most, up to 1,000, those of the oldest changes; `total` counts all.
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("record_type", "plain", "writers", "since", "until", "e3db_conn_id")
    template_fields_renderers = {"plain": "json"}  # noqa: RUF012 - Airflow's

    def __init__(
        self,
        *,
        record_type: str,
        plain: Mapping[str, str] | None = None,
        writers: str | Collection[str] | None = None,
        all_writers: bool = False,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int = LIMIT,
        **kwargs: Any,
    ) -> None:
        """Keep what to find."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.plain = plain
        self.writers = writers
        self.all_writers = all_writers
        self.since = since
        self.until = until
        self.limit = limit

    def execute(self, context: Context) -> Manifest:  # noqa: ARG002 - Airflow's
        """Find them."""
        with self.open_hook() as hook:
            found = find(hook.get_conn(), RecordFilter.of(self), self.limit)
        self.log.info("%s records of type %s", found["total"], self.record_type)
        return found
