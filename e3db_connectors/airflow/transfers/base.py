"""What all transfers share: telling those who wait for the records' asset, and OpenLineage, what was done."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from airflow.sdk import AssetAlias

from e3db_connectors.airflow import lineage
from e3db_connectors.airflow.assets import ALIAS, asset_of, emit
from e3db_connectors.airflow.operators.base import E3DBOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from e3db_connectors.client import Client


class Transferred(NamedTuple):
    """What a task has done, for OpenLineage.

    Args:
        records: The records' data set.
        moves: What has become of each column.
        manifest: What it returns.
    """

    records: lineage.Place
    moves: list[lineage.Move]
    manifest: dict[str, Any]


class E3DBTransferOperator(E3DBOperator):
    """Base of all transfers: each tells those who wait for its asset what it has done, and OpenLineage if that is installed."""

    writes_records: ClassVar[bool]
    """Whether it is the records that are written, and not what they are compared with."""

    def __init__(self, *, record_type: str, **kwargs: Any) -> None:
        """Keep the type; events go out through an alias, for the client's id is only known when the task runs."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.outlets = [*self.outlets, AssetAlias(ALIAS)]
        self._transferred: Transferred | None = None

    def tell(self, context: Context, client: Client, manifest: dict[str, Any]) -> None:
        """Emit an event of the asset of the records, and of all assets that the task names as outlets."""
        asset = asset_of(client, self.record_type)
        emit(context, self.outlets, asset, manifest)
        self._transferred = Transferred(lineage.place_of_asset(asset), self.moves(), manifest)

    def moves(self) -> list[lineage.Move]:
        """What has become of each column."""
        raise NotImplementedError

    def places(self, manifest: dict[str, Any]) -> list[lineage.Place]:
        """The other side: tables, or a file.

        Args:
            manifest: What the task returns.
        """
        raise NotImplementedError

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002 - Airflow's
        """Names of both sides and of their columns, and what was decrypted; Airflow calls this if OpenLineage is installed."""
        done = self._transferred
        if done is None or find_spec("airflow.providers.openlineage") is None:
            return None
        records, others = [done.records], self.places(done.manifest)
        return lineage.operator_lineage(*((others, records) if self.writes_records else (records, others)), done.moves)


def asset_uri(client: Client, record_type: str) -> str:
    """``e3db://host/client/type``."""
    return asset_of(client, record_type).uri
