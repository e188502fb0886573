"""Whose records and of which type: what access keys and policies are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table


class Owner(NamedTuple):
    """Writer, user and type that records have in common."""

    writer_id: str
    user_id: str
    type: str

    def holds(self, table: Table) -> ColumnElement[bool]:
        """Whether a row of *table* is about these records."""
        return and_(table.c.writer_id == self.writer_id, table.c.user_id == self.user_id, table.c.type == self.type)
