"""What all transfers share: telling those who wait for the records' asset what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import AssetAlias

from e3db_connectors.airflow.assets import ALIAS, asset_of, emit
from e3db_connectors.airflow.operators.base import E3DBOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from e3db_connectors.client import Client


class E3DBTransferOperator(E3DBOperator):
    """Base of all transfers: each tells those who wait for its asset what it has done."""

    def __init__(self, *, record_type: str, **kwargs: Any) -> None:
        """Keep the type; events go out through an alias, for the client's id is only known when the task runs."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.outlets = [*self.outlets, AssetAlias(ALIAS)]

    def tell(self, context: Context, client: Client, manifest: dict[str, Any]) -> None:
        """Emit an event of the asset of the records, and of all assets that the task names as outlets."""
        emit(context, self.outlets, asset_of(client, self.record_type), manifest)


def asset_uri(client: Client, record_type: str) -> str:
    """``e3db://host/client/type``."""
    return asset_of(client, record_type).uri
