"""A sensor that gives its place on the worker back."""

from airflow.sdk import dag

from e3db_connectors.airflow.sensors.record import E3DBRecordSensor


@dag(schedule=None)
def waits_for_orders():
    E3DBRecordSensor(task_id="wait", record_type="order", deferrable=True, poke_interval=1, timeout=600)


waits_for_orders()
