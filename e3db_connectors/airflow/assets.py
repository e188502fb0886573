"""Records of one type as an asset: ``e3db://host/client/type``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow.sdk import Asset, Context

    from e3db_connectors.client import Client

SCHEME: Final = "e3db"

ALIAS: Final = "e3db"
"""The alias through which events of assets are emitted whose names are only known when a task runs."""

_PARTS: Final = 2


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """Bring the address of an asset into its one form; Airflow calls this.

    Raises:
        ValueError: It is not ``e3db://host/client/type``.
    """
    parts = uri.path.strip("/").split("/")
    if not uri.netloc or len(parts) != _PARTS or not all(parts) or uri.query or uri.fragment:
        raise ValueError("an asset of E3DB is e3db://host/client_id/record_type, the type percent-encoded")
    client_id, record_type = parts
    return uri._replace(netloc=uri.netloc.lower(), path=f"/{client_id.lower()}/{record_type}")


def create_asset(*, host: str, client_id: str, record_type: str, extra: dict[str, Any] | None = None) -> Asset:
    """The asset of the records of a type.

    Args:
        host: Of the API, such as ``api.e3db.com``.
        client_id: Who writes the records.
        record_type: Their type.
        extra: What else is to be known of it.
    """
    from airflow.sdk import Asset

    return Asset(f"{SCHEME}://{host.lower()}/{client_id.lower()}/{quote(record_type, safe='')}", extra=extra or {})


def asset_of(client: Client, record_type: str) -> Asset:
    """The asset of a client's own records of a type."""
    return create_asset(host=host_of(client), client_id=client.client_id, record_type=record_type)


def host_of(client: Client) -> str:
    """The API's host as assets name it."""
    return urlsplit(client.config.api_url).netloc


def convert_asset_to_openlineage(asset: Asset, lineage_context: Any) -> Any:  # noqa: ARG001 - Airflow's
    """The asset as OpenLineage names data sets; Airflow calls this if OpenLineage is installed."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    uri = urlsplit(asset.uri)
    return Dataset(namespace=f"{SCHEME}://{uri.netloc}", name=uri.path.removeprefix("/"))


def emit(context: Context, outlets: Iterable[Any], asset: Asset, manifest: dict[str, Any]) -> None:
    """Tell those who wait for an asset, and for all assets that are outlets, what was done: ids, counts, cursors."""
    from airflow.sdk import Asset, AssetAlias

    events = context.get("outlet_events")
    if events is None:
        return
    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            events[outlet].add(asset, extra=manifest)
        elif isinstance(outlet, Asset):
            events[outlet].extra = manifest
