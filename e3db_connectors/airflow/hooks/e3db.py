"""The hook of the connection type `e3db`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from e3db_connectors.client import Client, Config
from e3db_connectors.client.config import DEFAULT_API_URL, SECRETS
from e3db_connectors.errors import E3DBError

if TYPE_CHECKING:
    from airflow.sdk import Connection


class E3DBHook(BaseHook):
    """An E3DB client for the tasks of a DAG.

    Args:
        e3db_conn_id: The connection; it is read at first use, never when a DAG file is parsed.
    """

    conn_name_attr = "e3db_conn_id"
    default_conn_name = "e3db_default"
    conn_type = "e3db"
    hook_name = "E3DB"

    def __init__(self, e3db_conn_id: str = default_conn_name, **options: Any) -> None:
        """Keep the connection's name."""
        super().__init__(**options)
        self.e3db_conn_id = e3db_conn_id

    @cached_property
    def client(self) -> Client:
        """The client, made at first use."""
        return Client(self._config())

    def get_conn(self) -> Client:
        """The client.

        Raises:
            ConfigError: The connection lacks a credential.
        """
        return self.client

    def test_connection(self) -> tuple[bool, str]:
        """Sign in and read what the server knows of this client."""
        try:
            info = self.get_conn().client_info(self.client.client_id)
        except E3DBError as exc:
            return False, str(exc)
        if self.client.config.public_key not in info.public_key.values():
            return False, "the server knows another public key of this client than the connection has"
        return True, f"signed in as {self.client.client_id}"

    def close(self) -> None:
        """Forget the keys and close the connections; the next use makes a new client."""
        client = self.__dict__.pop("client", None)
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        """Return the hook itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def _config(self) -> Config:
        connection = self.get_connection(self.e3db_conn_id)
        values = _credentials(connection)
        for name in SECRETS:
            if values.get(name):
                mask_secret(values[name])
        return Config.from_mapping(values, source=f"connection {self.e3db_conn_id}")


def _credentials(connection: Connection) -> dict[str, Any]:
    extra = connection.extra_dejson
    return {
        "api_url": connection.host or DEFAULT_API_URL,
        "api_key_id": connection.login,
        "api_secret": connection.password,
        "client_id": extra.get("client_id"),
        "public_key": extra.get("public_key"),
        "private_key": extra.get("private_key"),
        "public_signing_key": extra.get("signing_public_key"),
        "private_signing_key": extra.get("signing_private_key"),
    }
