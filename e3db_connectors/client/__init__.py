"""The E3DB client: credentials, HTTP, access keys, records, query and search.

Its names load on first use: a module that needs only the client's settings or arguments does not pay for HTTP and crypto,
which Airflow would do for each DAG that it reads.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3db_connectors.client.client import Client
    from e3db_connectors.client.config import Config
    from e3db_connectors.client.search import Search

__all__ = ["Client", "Config", "Search"]


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name in __all__:
        return getattr(import_module(f"{__name__}.{name.lower()}"), name)
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)
