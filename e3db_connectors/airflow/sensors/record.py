"""Waiting for records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue, conf
from airflow.sdk.bases.operator import TRIGGER_FAIL_REPR, TriggerFailureReason
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout

from e3db_connectors.airflow.failures import failure, is_final, is_passing
from e3db_connectors.airflow.finding import LIMIT, find
from e3db_connectors.airflow.operators.base import E3DBFindingOperator
from e3db_connectors.airflow.triggers.record import ERROR, E3DBRecordTrigger
from e3db_connectors.errors import E3DBError, UsageError
from e3db_connectors.wire.limits import SEARCH_WINDOW

if TYPE_CHECKING:
    from airflow.sdk import Context

    from e3db_connectors.airflow.finding import Manifest
    from e3db_connectors.airflow.hooks.e3db import E3DBHook


class E3DBRecordSensor(E3DBFindingOperator, BaseSensorOperator):
    """Wait until there are records that fit; the result is that of `E3DBSearchOperator`, and the same in all modes.

    A server that cannot be reached, or is busy, is waited for, too; refused credentials or rights fail at once.

    :param min_records: Wait for so many.
    :param limit: So many ids at most in the result, up to 1,000.
    :param deferrable: Wait in the triggerer, which takes no slot of a worker.

    The other parameters are those of `E3DBFindingOperator` and of every sensor.
    """

    def __init__(
        self,
        *,
        min_records: int = 1,
        limit: int = LIMIT,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        """Keep what to wait for."""
        super().__init__(**kwargs)
        self.min_records = min_records
        self.limit = limit
        self.deferrable = deferrable
        self._hook: E3DBHook | None = None

    def execute(self, context: Context) -> Any:
        """Wait."""
        if self.deferrable:
            # As if resumed, so that soft_fail and never_fail count for the first look, too.
            return self.resume_execution("execute_complete", None, context)
        try:
            return super().execute(context)
        finally:
            self._close()

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - Airflow's
        """Look once."""
        found = self._look()
        return PokeReturnValue(is_done=found is not None, xcom_value=found)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the triggerer; when the time is up, look for a last time, as the other modes do."""
        if next_method == TRIGGER_FAIL_REPR and (next_kwargs or {}).get("error") == TriggerFailureReason.TRIGGER_TIMEOUT:
            next_method, next_kwargs = "execute_complete", {"deadline": datetime.now(UTC).isoformat()}
        return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(
        self,
        context: Context,  # noqa: ARG002 - Airflow's
        event: dict[str, Any] | None = None,
        deadline: str | None = None,
    ) -> Manifest:
        """Look, also after the triggerer has found something: what is there counts, and not what an event says."""
        if event is not None and event["status"] == ERROR:
            raise (AirflowFailException if event["final"] else AirflowException)(event["message"])
        try:
            found = self._look()
        finally:
            self._close()
        if found is None:
            self._defer(datetime.fromisoformat(deadline) if deadline else datetime.now(UTC) + timedelta(seconds=self.timeout))
        return found

    def _defer(self, deadline: datetime) -> NoReturn:
        left = deadline - datetime.now(UTC)
        if left <= timedelta(0):
            raise AirflowSensorTimeout(f"no {self.min_records} records within {self.timeout} seconds")
        trigger = E3DBRecordTrigger(
            e3db_conn_id=self.e3db_conn_id,
            record_type=self.record_type,
            plain=self.plain,
            writers=self.writers,
            all_writers=self.all_writers,
            since=_text(self.since),
            until=_text(self.until),
            min_records=self.min_records,
            poke_interval=self.poke_interval,
            exponential_backoff=self.exponential_backoff,
            max_wait=self.max_wait.total_seconds() if self.max_wait else None,
        )
        self.defer(trigger=trigger, method_name="execute_complete", kwargs={"deadline": deadline.isoformat()}, timeout=left)

    def _look(self) -> Manifest | None:
        """What is there, if it is enough."""
        if self._hook is None:
            self._hook = self.open_hook()
        try:
            if self.min_records > SEARCH_WINDOW:
                raise UsageError(f"min_records is {SEARCH_WINDOW} at most: the server counts no further")
            found = find(self._hook.get_conn(), self.wanted(), self.limit)
        except E3DBError as exc:
            if is_passing(exc):
                self.log.warning("cannot look for records of type %s for the moment: %s", self.record_type, exc)
                return None
            if is_final(exc):
                raise failure(exc) from exc
            raise
        self.log.info("%s records of type %s", found["total"], self.record_type)
        return found if found["total"] >= self.min_records else None

    def _close(self) -> None:
        hook, self._hook = self._hook, None
        if hook is not None:
            hook.close()


def _text(bound: datetime | str | None) -> str | None:
    return None if bound is None else str(bound)
