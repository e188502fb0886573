"""Errors of a warehouse, without what a driver says about values."""

from __future__ import annotations

from typing import Final

from airflow.sdk.exceptions import AirflowException

_SPOKEN_STATES: Final = ("08", "0A", "25", "28", "3D", "3F", "40", "42", "53", "55", "57")
"""Classes of SQLSTATE whose messages name tables, users and hosts, but no values."""

_SPOKEN_OF_DUCKDB: Final = {"CatalogException", "IOException", "TransactionException", "BinderException", "PermissionException"}


class WarehouseError(AirflowException):
    """The database refuses; the task may be tried again."""


class TransferConflict(WarehouseError):
    """Another task loads the same records into the same table; this one has stored nothing of its page."""


def told(exc: Exception) -> WarehouseError:
    """An error of a database driver: its class, and its message only where that holds no value of a row."""
    name, state = type(exc).__name__, getattr(exc, "sqlstate", None) or getattr(exc, "pgcode", None)
    module = type(exc).__module__.partition(".")[0]
    if state:
        spoken = state[:2] in _SPOKEN_STATES
        message = getattr(getattr(exc, "diag", None), "message_primary", None) or ""
        name = f"{name} ({state})"
    else:
        no_reply = module.startswith("psycopg") and name == "OperationalError"
        spoken = module == "sqlite3" or no_reply or (module in ("duckdb", "_duckdb") and name in _SPOKEN_OF_DUCKDB)
        message = str(exc)
        if not spoken and len(exc.args) > 1 and isinstance(exc.args[0], int):  # as MySQL's drivers number their errors
            name = f"{name} ({exc.args[0]})"
    return WarehouseError(f"the database refuses: {name}: {message}" if spoken and message else f"the database refuses: {name}")
