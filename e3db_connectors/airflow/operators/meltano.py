"""Run a Meltano pipeline with the credentials of a connection."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk.exceptions import AirflowException

from e3db_connectors.airflow.failures import finally_failing
from e3db_connectors.airflow.operators.base import E3DBOperator
from e3db_connectors.airflow.transfers.windows import window_of
from e3db_connectors.client.config import FIELDS
from e3db_connectors.client.credentials import ENVIRONMENT_PREFIX
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import require_several
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow.sdk import Context

_CREDENTIALS: Final = frozenset(ENVIRONMENT_PREFIX + name.upper() for name in (*FIELDS, "profile", "credentials_file"))
"""Variables of the worker that must not be mixed with the connection's; other `E3DB_*` are settings."""

_WINDOW = ("TAP_E3DB_START_DATE", "TAP_E3DB_END_DATE")


class MeltanoRunOperator(E3DBOperator):
    """Run ``meltano run`` in a project whose tap-e3db or target-e3db name no credentials of their own.

    Those of the connection are in the environment of the process, as `E3DB_*`, and nowhere else. Without `since` and `until` the state
    that Meltano keeps decides what is read. When the task is killed, Meltano and its plugins get a SIGTERM and end with what they have.

    :param pipeline: The plugins, such as ``["tap-e3db", "target-postgres"]``. (templated)
    :param project_dir: The folder of `meltano.yml`. (templated)
    :param since: Read what was changed at or after this time, by a state of its own. (templated)
    :param until: Read what was changed before this time. (templated)
    :param state_backend_uri: Where Meltano keeps its state, such as ``s3://bucket/state``; by default what the project says. It is shown:
        a secret of it belongs into the environment of the worker. (templated)
    :param state_id_suffix: Put behind the ids of states, to keep those of several schedules apart. (templated)
    :param full_refresh: Begin anew, without a state.
    :param meltano: The command. (templated)
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = (
        *E3DBOperator.template_fields,
        "pipeline",
        "project_dir",
        "since",
        "until",
        "state_backend_uri",
        "state_id_suffix",
        "meltano",
    )

    def __init__(  # noqa: PLR0913 - what there is to choose
        self,
        *,
        pipeline: Sequence[str],
        project_dir: str,
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        state_backend_uri: str | None = None,
        state_id_suffix: str | None = None,
        full_refresh: bool = False,
        meltano: str = "meltano",
        **kwargs: Any,
    ) -> None:
        """Keep what to run."""
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.project_dir = project_dir
        self.since = since
        self.until = until
        self.state_backend_uri = state_backend_uri
        self.state_id_suffix = state_id_suffix
        self.full_refresh = full_refresh
        self.meltano = meltano
        self._process = SubprocessHook()

    def execute(self, context: Context) -> None:  # noqa: ARG002 - Airflow's signature
        """Run it to its end.

        Raises:
            AirflowException: It ended with another exit code than 0.
            AirflowFailException: What was passed cannot be meant, or the folder or the command is not there.
        """
        with finally_failing():
            require_several(self.pipeline, "pipeline")
            if not self.pipeline:
                raise UsageError("pipeline is empty: name the plugins")
            if not self.project_dir or not Path(self.project_dir).is_dir():
                raise UsageError(f"project_dir is no folder: {self.project_dir}")
            arguments = [*(["--full-refresh"] if self.full_refresh else []), *self._suffix(), *self.pipeline]
            environment = self._environment()
            try:
                done = self._process.run_command([self.meltano, "run", *arguments], env=environment, cwd=self.project_dir)
            except (FileNotFoundError, PermissionError):
                raise UsageError(f"there is no command {self.meltano} on this worker: install Meltano, or say where it is") from None
        if done.exit_code:
            raise AirflowException(f"meltano run ended with exit code {done.exit_code}; its log is above")

    def on_kill(self) -> None:
        """End Meltano and its plugins."""
        self._process.send_sigterm()  # type: ignore[no-untyped-call]

    def _suffix(self) -> list[str]:
        window = window_of(self.since, self.until)
        # A window's state would be taken for that of the incremental runs, and the other way round.
        parts = [self.state_id_suffix, *(times.render(bound) for bound in (window.since, window.until) if bound)]
        suffix = "-".join(part for part in parts if part).replace(":", "")
        return ["--state-id-suffix", suffix] if suffix else []

    def _environment(self) -> dict[str, str]:
        window = window_of(self.since, self.until)
        bounds = {name: times.render(bound) for name, bound in zip(_WINDOW, (window.since, window.until), strict=True) if bound}
        backend = {"MELTANO_STATE_BACKEND_URI": self.state_backend_uri} if self.state_backend_uri else {}
        with self.open_hook() as hook:
            credentials = {ENVIRONMENT_PREFIX + name.upper(): str(value) for name, value in hook.get_conn().config().items()}
        kept = {name: value for name, value in os.environ.items() if not _is_credential(name)}
        return {**kept, "NO_COLOR": "1", **bounds, **backend, **credentials}


def _is_credential(name: str) -> bool:
    """Whether a variable of the worker is a credential: those of another client, or of a server."""
    return name in _CREDENTIALS or name.startswith(f"{ENVIRONMENT_PREFIX}SERVER_")
