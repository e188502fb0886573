"""What all operators share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from airflow.sdk import BaseHook, BaseOperator

from e3db_connectors.airflow.failures import failure
from e3db_connectors.airflow.finding import RecordFilter
from e3db_connectors.airflow.hooks.e3db import E3DBHook
from e3db_connectors.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime


class E3DBOperator(BaseOperator):
    """Base of the operators: it has a connection, and nothing happens before it is executed."""

    template_fields: Sequence[str] = ("e3db_conn_id",)
    ui_color = "#d9e8e3"
    _needed: ClassVar[Sequence[str]] = ("record_type", "reader_id", "record_id")
    """Arguments that must not render to nothing, where there are any of these names."""

    _secrets: ClassVar[Sequence[str]] = ("key_secret_conn_id", "pseudonym_conn_id")
    """Arguments in whose place another secret would count, where there are any of these names."""

    _mapped: frozenset[str]
    """What a mapped task is given: values, of which None may be one, where other tasks have templates and outputs until they run."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        """Note what is given."""
        task = super().__new__(cls)
        vars(task)["_mapped"] = frozenset(given if "_airflow_from_mapped" in given else ())
        return task

    def __init__(self, *, e3db_conn_id: str = E3DBHook.default_conn_name, **kwargs: Any) -> None:
        """Keep the connection's name."""
        super().__init__(**kwargs)
        self.e3db_conn_id = e3db_conn_id

    def open_hook(self) -> E3DBHook:
        """A hook, to be used as a context manager: errors that another try cannot mend then fail the task at once.

        Raises:
            AirflowFailException: The connection's name has rendered to nothing: whatever the worker's environment says would count. Or
                something else that is needed has.
        """
        if self.e3db_conn_id in (None, "", "None"):
            raise failure(UsageError("e3db_conn_id is empty: a task needs a connection"))
        for name in self._needed:
            if getattr(self, name, name) in (None, "", "None"):
                raise failure(UsageError(f"{name} is empty"))
        for name in self._secrets:
            if name in self._mapped and getattr(self, name) is None:
                raise failure(UsageError(f"{name} is empty: another secret would count; leave it out if that is meant"))
        return E3DBHook(self.e3db_conn_id)


class E3DBFindingOperator(E3DBOperator):
    """Base of what looks for records by what the server can see of them; the attributes are those of `RecordFilter`.

    :param record_type: Their type. (templated)
    :param plain: Members that are left clear, with their values; all have to fit. Airflow keeps and shows them in clear. (templated)
    :param writers: Only what these clients have written, as far as they share it; by default the connection's own client. (templated)
    :param all_writers: Also what others share with the client.
    :param since: Last modified at or after this time; ``""`` and ``"None"`` mean no bound. (templated)
    :param until: Last modified before this time. (templated)
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("record_type", "plain", "writers", "since", "until", "e3db_conn_id")
    template_fields_renderers = {"plain": "json"}  # noqa: RUF012 - Airflow's

    def __init__(
        self,
        *,
        record_type: str,
        plain: Mapping[str, str] | None = None,
        writers: str | Collection[str] | None = None,
        all_writers: bool = False,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to look for."""
        super().__init__(**kwargs)
        self.record_type = record_type
        self.plain = plain
        self.writers = writers
        self.all_writers = all_writers
        self.since = since
        self.until = until
        self._given = given_of(self, ("plain", "writers"))

    def wanted(self) -> RecordFilter:
        """What to look for.

        Raises:
            UsageError: A condition is given, and has rendered to nothing: everything would fit.
        """
        for name in sorted(self._given):
            if getattr(self, name) in (None, ""):
                raise UsageError(f"{name} is empty: everything would fit; leave it out if that is meant")
        return RecordFilter.of(self)


def given_of(task: E3DBOperator, names: Collection[str]) -> frozenset[str]:
    """Those of its arguments that a task is given, whatever they render or are mapped to; to be asked before anything is rendered."""
    return frozenset(name for name in names if getattr(task, name) is not None or name in task._mapped)  # noqa: SLF001 - of this module


def password_of(conn_id: str | None) -> str | None:
    """A secret that is a connection's password; Airflow masks it. None: no connection is named.

    Raises:
        ConfigError: The connection has no password: something else would be taken for the secret.
    """
    if conn_id is None:
        return None
    password = BaseHook.get_connection(conn_id).password if conn_id else None
    if not password:
        raise ConfigError(f"the connection {conn_id!r} has no password, which is to be the secret")
    return password
