"""How far a query has been read: the greatest value of a column that grows, kept in `_e3db_state`."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from e3db_connectors.airflow.sql.states import StateRow

_READERS: Final[Mapping[type, Callable[[str], Any]]] = {
    int: int,
    Decimal: Decimal,
    float: float,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    str: str,
}


class KeptCursor:
    """The cursor of a query whose rows come in the order of a column.

    Args:
        row: Where it is kept.
        column: The column.

    Raises:
        StateError: What is kept is of another column.
    """

    def __init__(self, row: StateRow, column: str) -> None:
        """Read what is kept."""
        self._row, self.column = row, column
        session = row.session

        def prepared() -> dict[str, Any] | None:
            row.prepare()
            return row.read()

        state = session.locked(row.destination, prepared)
        self.value = None if state is None else self._value_of(state)
        self._saved = self.value

    def see(self, rows: Iterable[Sequence[Any]], at: int) -> None:
        """These rows are stored; their value of the column stands at this place.

        Raises:
            UsageError: The column holds what does not grow.
        """
        for row in rows:
            value = row[at]
            if value is None:
                continue
            if type(value) not in _READERS:
                raise UsageError(f"the incremental column {self.column} holds {type(value).__name__}: it must hold numbers, times or text")
            self.value = value

    def save(self) -> None:
        """Keep it.

        Raises:
            TransferConflict: Another task has moved it.
        """
        if self.value is None or self.value == self._saved:
            return
        text = self.value.isoformat() if isinstance(self.value, date) else str(self.value)
        with self._row.session.transaction():
            self._row.save({"incremental_column": self.column, "type": type(self.value).__name__, "value": text})
        self._saved = self.value

    def shown(self) -> str | None:
        """What may be told of it: a number or a time, for a text may be anybody's name."""
        return None if self.value is None or isinstance(self.value, str) else str(self.value)

    def _value_of(self, state: Mapping[str, Any]) -> Any:
        reader = next((reader for kind, reader in _READERS.items() if kind.__name__ == state.get("type")), None)
        if state.get("incremental_column") != self.column or reader is None:
            raise StateError(
                f"the cursor in _e3db_state is of the column {state.get('incremental_column')}, not of {self.column}; "
                "delete its row to begin anew"
            )
        return reader(state["value"])
