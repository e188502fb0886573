"""What is noted of a table's rows beside the state, so that settings which do not reach rows that are there are told of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from e3db_connectors.airflow.sql.session import Session
    from e3db_connectors.airflow.sql.tables import Table

NOTES: Final = "table"
"""The member of a state that holds them; the engine leaves alone what it does not know."""

_ANEW: Final = "to load all anew, drop it, or delete its row in _e3db_state"

Notes = dict[str, Any]


def notes_of(state: dict[str, Any] | None, columns: str) -> Notes:
    """The notes of a state; of one without any, an older version's, nothing is known.

    Args:
        state: As it was kept.
        columns: A hash of what decides now what the columns show.
    """
    noted = (state or {}).get(NOTES)
    noted = noted if isinstance(noted, dict) else {}
    return {"columns": noted.get("columns", columns), "filled": bool(noted.get("filled"))}


def warning_of(session: Session, table: Table, notes: Notes, columns: str) -> str | None:
    """What somebody may expect of the next load, and will not get."""
    if notes["filled"] and session.fetch(f"SELECT MIN({table.key}) FROM {table.quoted}")[0][0] is None:  # noqa: S608 - quoted
        return f"the table {table.table} is empty: what has been in it does not come back by itself; {_ANEW}"
    if notes["columns"] == columns:
        return None
    return (
        "columns, policy, unknown_fields or the key of pseudonyms are others than last time: rows that are in the table "
        f"{table.table} keep what they have; {_ANEW}"
    )
