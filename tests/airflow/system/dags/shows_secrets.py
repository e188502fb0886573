"""A task that prints and logs what it must not."""

import logging

from airflow.sdk import dag, task


@dag(schedule=None)
def shows_secrets():
    @task
    def show():
        from e3db_connectors.airflow.hooks.e3db import E3DBHook
        from e3db_connectors.client.config import SECRETS

        with E3DBHook("e3db_shown") as hook:
            config = hook.get_conn().config
        for name in SECRETS:
            print("printed", name, getattr(config, name).reveal())  # noqa: T201 - the point
            logging.getLogger(__name__).warning("logged %s %s", name, getattr(config, name).reveal())

    show()


shows_secrets()
