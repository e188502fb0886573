"""Sharing a record type with another client, and taking it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e3db_connectors.airflow.operators.base import E3DBOperator, given_of
from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


class E3DBShareOperator(E3DBOperator):
    """Let a client read all records of a type, those to come, too.

    With an `E3DBRevokeOperator` as its teardown the grant lasts for one run: ``share >> work >> revoke.as_teardown(setups=share)``.

    :param record_type: The type; it need not have any record yet. (templated)
    :param reader_id: The client that may read. (templated)
    :param reader_public_key: Its public key, if it is known from elsewhere; without it the server vouches for it. (templated)
    :param e3db_conn_id: The connection of the client that shares. (templated)
    """

    template_fields: Sequence[str] = ("record_type", "reader_id", "reader_public_key", "e3db_conn_id")

    def __init__(self, *, record_type: str, reader_id: str, reader_public_key: str | None = None, **kwargs: Any) -> None:
        """Keep what to share."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.reader_id = reader_id
        self.reader_public_key = reader_public_key
        self._given = given_of(self, ("reader_public_key",))

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's
        """Share; what is shared already stays shared."""
        with self.open_hook() as hook:
            if self._given and self.reader_public_key in (None, "", "None"):
                raise UsageError("reader_public_key is empty: the server alone would vouch for the reader; leave it out if that is meant")
            hook.get_conn().share(self.record_type, self.reader_id, reader_public_key=self.reader_public_key)
        self.log.info("client %s may read records of type %s", self.reader_id, self.record_type)
        return {"record_type": self.record_type, "reader_id": self.reader_id, "may_read": True}


class E3DBRevokeOperator(E3DBOperator):
    """Take back what `E3DBShareOperator` gave; what the reader has kept stays readable for it.

    It takes the grant whoever gave it, and however long ago: a reader that is to keep the type is none for a grant of one run.

    :param record_type: The type. (templated)
    :param reader_id: The client that may no longer read. (templated)
    :param e3db_conn_id: The connection of the client that has shared. (templated)
    """

    template_fields: Sequence[str] = ("record_type", "reader_id", "e3db_conn_id")

    def __init__(self, *, record_type: str, reader_id: str, **kwargs: Any) -> None:
        """Keep what to revoke."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.reader_id = reader_id

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's
        """Revoke; what is not shared stays so."""
        with self.open_hook() as hook:
            hook.get_conn().revoke(self.record_type, self.reader_id)
        self.log.info("client %s may no longer read records of type %s", self.reader_id, self.record_type)
        return {"record_type": self.record_type, "reader_id": self.reader_id, "may_read": False}
