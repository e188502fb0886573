"""What all operators share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook, BaseOperator

from e3db_connectors.airflow.hooks.e3db import E3DBHook

if TYPE_CHECKING:
    from collections.abc import Sequence


class E3DBOperator(BaseOperator):
    """Base of the operators: it has a connection, and nothing happens before it is executed."""

    template_fields: Sequence[str] = ("e3db_conn_id",)
    ui_color = "#d9e8e3"

    def __init__(self, *, e3db_conn_id: str = E3DBHook.default_conn_name, **kwargs: Any) -> None:
        """Keep the connection's name."""
        super().__init__(**kwargs)
        self.e3db_conn_id = e3db_conn_id

    def open_hook(self) -> E3DBHook:
        """A hook, to be used as a context manager: errors that another try cannot mend then fail the task at once."""
        return E3DBHook(self.e3db_conn_id)


def password_of(conn_id: str | None) -> str | None:
    """A secret that is a connection's password, if there is one; Airflow masks it."""
    return BaseHook.get_connection(conn_id).password if conn_id else None
