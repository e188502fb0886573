"""Finding records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.finding import LIMIT, find
from e3db_connectors.airflow.operators.base import E3DBFindingOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from e3db_connectors.airflow.finding import Manifest


class E3DBSearchOperator(E3DBFindingOperator):
    """Find records by what the server can see of them, and return their ids and versions, never what is in them.

    With ``multiple_outputs=True`` each member of the result is an output of its own, such as ``find.output["record_ids"]``.

    :param limit: So many ids at most, up to 1,000, those of the oldest changes; `total` counts all.

    The other parameters are those of `E3DBFindingOperator`.
    """

    def __init__(self, *, limit: int = LIMIT, **kwargs: Any) -> None:
        """Keep what to find."""
        super().__init__(**kwargs)
        self.limit = limit

    def execute(self, context: Context) -> Manifest:  # noqa: ARG002 - Airflow's
        """Find them."""
        with self.open_hook() as hook:
            found = find(hook.get_conn(), self.wanted(), self.limit)
        self.log.info("%s records of type %s", found["total"], self.record_type)
        return found
