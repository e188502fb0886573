"""End-to-end encrypted E3DB records in data pipelines.

The public names load on first use, so that importing the package costs next to nothing:
Airflow's provider discovery imports it in every process.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3db_connectors import errors
    from e3db_connectors.client import Client, Config, Search
    from e3db_connectors.client.bulk import NewRecord
    from e3db_connectors.client.notes import NoteOptions
    from e3db_connectors.wire.records import Record

__all__ = ["Client", "Config", "NewRecord", "NoteOptions", "Record", "Search", "__version__", "errors"]

_HOMES = {
    "Client": "e3db_connectors.client",
    "Config": "e3db_connectors.client",
    "NewRecord": "e3db_connectors.client.bulk",
    "NoteOptions": "e3db_connectors.client.notes",
    "Record": "e3db_connectors.wire.records",
    "Search": "e3db_connectors.client",
    # Names of the original Python SDK, see `client.original`.
    "APIError": "e3db_connectors.exceptions",
    "ConflictError": "e3db_connectors.exceptions",
    "CryptoError": "e3db_connectors.exceptions",
    "LookupError": "e3db_connectors.exceptions",
    "QueryError": "e3db_connectors.exceptions",
}
_MODULES = {"errors", "exceptions", "types"}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("e3db-connectors")
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
