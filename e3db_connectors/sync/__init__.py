"""The engine under tap and target: names and values of columns, reading without loss, and keyed writes."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from e3db_connectors.sync.reading.failures import RecordFailures
    from e3db_connectors.sync.reading.iterator import RowPage, read_pages
    from e3db_connectors.sync.reading.tuning import Tuning

__all__ = ["RecordFailures", "RowPage", "Tuning", "read_pages"]

_HOMES = {
    "RecordFailures": "e3db_connectors.sync.reading.failures",
    "RowPage": "e3db_connectors.sync.reading.iterator",
    "Tuning": "e3db_connectors.sync.reading.tuning",
    "read_pages": "e3db_connectors.sync.reading.iterator",
}


def __getattr__(name: str) -> Any:
    """Import a public name from the module that defines it."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
