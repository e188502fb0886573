"""The hook of the connection type `e3db`.

The client and the engine are imported where they are used: Airflow imports this module for each DAG file that it reads.
"""

from __future__ import annotations

import asyncio
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import get_hook_lineage_collector
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowException
from airflow.sdk.log import mask_secret

from e3db_connectors.airflow import connection as connections
from e3db_connectors.airflow import rows as typed
from e3db_connectors.airflow.assets import asset_of, create_asset, host_of
from e3db_connectors.airflow.failures import failure, is_final
from e3db_connectors.client import credentials as found
from e3db_connectors.client.config import SECRETS, Config
from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.errors import E3DBError, WindowExceeded
from e3db_connectors.sync.failures import MAX_ERRORS
from e3db_connectors.wire import limits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from types import TracebackType

    from airflow.sdk import Connection

    from e3db_connectors.client import Client, Search
    from e3db_connectors.client.search import SearchPage
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing import WriteOptions

PROBE_TYPE: Final = "e3db.doctor"
"""The type whose access key is opened to test a connection."""


class E3DBHook(BaseHook):
    """An E3DB client for the tasks of a DAG: ``with E3DBHook("my_conn") as hook: ...``.

    As a context manager it closes the client at the end, and turns errors that another try cannot mend into `AirflowFailException`.

    Args:
        e3db_conn_id: The connection; it is read at first use, never when a DAG file is parsed. None: the environment or the profile file.
        config: Credentials to use instead of the connection's.
        trusted_authorizers: Public keys; if given, a key to others' records counts only if one of these has sealed it.
        sign_records: Sign each record that is written.
    """

    conn_name_attr = "e3db_conn_id"
    default_conn_name = "e3db_default"
    conn_type = "e3db"
    hook_name = "E3DB"

    def __init__(
        self,
        e3db_conn_id: str | None = default_conn_name,
        *,
        config: Config | Mapping[str, Any] | None = None,
        trusted_authorizers: Collection[str] | None = None,
        sign_records: bool = False,
        **options: Any,
    ) -> None:
        """Keep what to connect with."""
        super().__init__(**options)
        self.e3db_conn_id = e3db_conn_id
        self._given = config
        self._trusted = trusted_authorizers
        self._sign_records = sign_records
        self._client: Client | None = None

    def get_conn(self) -> Client:
        """The client, made at first use.

        Raises:
            ConfigError: The connection lacks a credential.
            AirflowNotFoundException: There is no such connection.
        """
        if self._client is None:
            name = self._connection_name
            self._client = self._connected(None if name is None else self.get_connection(name))
        return self._client

    async def aget_conn(self) -> Client:
        """The client, made without blocking the event loop; its calls block, and belong into a thread."""
        if self._client is None:
            name = self._connection_name
            connection = None if name is None else await get_async_connection(name)  # its argument `hook` is younger than Airflow 3.2
            self._client = await asyncio.to_thread(self._connected, connection)
        return self._client

    def test_connection(self) -> tuple[bool, str]:
        """Sign in, compare the public keys with the server's, and open an access key; no record is written."""
        try:
            client = self.get_conn()
            info = client.client_info(client.client_id)
            if client.config.public_key not in info.public_key.values():
                return False, "the server knows another public key of this client than the connection has"
            client.open_own_key(PROBE_TYPE)
        except (E3DBError, AirflowException) as exc:
            return False, str(exc)
        return True, f"signed in as {client.client_id}, and opened an access key"

    def search_pages(self, search: Search) -> Iterator[SearchPage]:
        """Run a search page by page, in the memory of one page.

        Raises:
            WindowExceeded: There are 10,000 results or more, beyond which none can be fetched. Raised before the first page.
        """
        search = copy(search)
        while True:
            page = self.get_conn().search(search)
            if page.total_results >= limits.SEARCH_WINDOW:
                raise WindowExceeded(f"the search finds {limits.SEARCH_WINDOW} records or more; search by ranges of time")
            self._has_read(page)
            yield page
            if page.next_token <= search.next_token:
                return
            search.next_token = page.next_token

    def write_rows(  # noqa: PLR0913 - keywords with defaults, as everywhere in Airflow
        self,
        record_type: str,
        rows: Iterable[Mapping[str, Any]],
        key_columns: Sequence[str] = (),
        *,
        columns: Mapping[str, Schema] | None = None,
        plain_columns: Collection[str] = (),
        share_with: Collection[str] = (),
        key_secret: str | None = None,
        on_error: str = "fail",
        max_errors: int = MAX_ERRORS,
        dead_letter_file: str | Path | None = None,
    ) -> dict[str, int]:
        """Write rows as `target-e3db` does: each updates the record that has its key, or creates one; an equal one writes nothing.

        Args:
            record_type: The records' type.
            rows: Columns with their values; any number, for they are taken in batches.
            key_columns: What tells rows apart; without any, each row becomes a record, and a retried task writes its rows again.
            columns: Column → JSON Schema; by default as the values are.
            plain_columns: Columns whose texts also stay in clear, so that the server can search them.
            share_with: Ids of clients that may read the type.
            key_secret: Secret of the keys' hashes, if it is not to be derived from the private key.
            on_error: Rows that cannot be written: ``fail``, ``skip`` or ``dead_letter``.
            max_errors: More than these end the run anyway.
            dead_letter_file: Where ``dead_letter`` writes hashed keys and classes of errors.

        Returns:
            How many rows were created, updated, unchanged, superseded (a later row of the batch has the same key), failed.
        """
        from e3db_connectors.sync.writing import Failures

        client = self.get_conn()
        failures = Failures(on_error, max_errors, Path(dead_letter_file) if dead_letter_file else None)
        options = _options(key_secret, plain_columns=plain_columns, share_with=share_with)
        counts = typed.write(client, record_type, rows, key_columns, columns=columns, options=options, failures=failures)
        self._has_written(record_type)
        return counts

    def delete_rows(
        self,
        record_type: str,
        rows: Iterable[Mapping[str, Any]],
        key_columns: Sequence[str],
        *,
        columns: Mapping[str, Schema] | None = None,
        key_secret: str | None = None,
    ) -> dict[str, int]:
        """Delete the records that rows were written as.

        Args:
            record_type: The records' type.
            rows: Rows, or their keys alone; any number.
            key_columns: What tells rows apart.
            columns: Column → JSON Schema, as they were written; by default as the values are.
            key_secret: As they were written.

        Returns:
            How many were deleted, absent, superseded (a later row of the batch has the same key).
        """
        counts = typed.delete(self.get_conn(), record_type, rows, key_columns, columns=columns, options=_options(key_secret))
        self._has_written(record_type)
        return counts

    def close(self) -> None:
        """Forget the keys and close the connections; the next use makes a new client."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def __enter__(self) -> Self:
        """Return the hook itself."""
        return self

    def __exit__(self, _kind: type[BaseException] | None, exc: BaseException | None, _trace: TracebackType | None) -> None:
        """Close; an error that another try cannot mend fails the task at once."""
        self.close()
        if is_final(exc):
            raise failure(exc) from exc

    @property
    def _connection_name(self) -> str | None:
        """The connection to read, if one is to be read."""
        return self.e3db_conn_id if self._given is None else None

    def _has_written(self, record_type: str) -> None:
        """Tell Airflow's lineage of records that were changed."""
        get_hook_lineage_collector().add_output_asset(context=self, uri=asset_of(self.get_conn(), record_type).uri)

    def _has_read(self, page: SearchPage) -> None:
        """Tell Airflow's lineage whose records, and of which types, were found."""
        host = host_of(self.get_conn())
        for writer, record_type in dict.fromkeys((record.meta.writer_id, record.meta.record_type) for record in page):
            asset = create_asset(host=host, client_id=writer, record_type=record_type)
            get_hook_lineage_collector().add_input_asset(context=self, uri=asset.uri)

    def _connected(self, connection: Connection | None) -> Client:
        from e3db_connectors.client import Client

        trusted = self._trusted
        if connection is not None:
            extra = connections.extra_of(connection)
            for secret in connections.secrets_in(connection, extra):
                mask_secret(secret)
            config = connections.config_of(connection, extra)
            trusted = connections.trusted_in(extra) if trusted is None else trusted
        elif self._given is None:
            config = found.resolve(source="environment")
        else:
            config = self._given if isinstance(self._given, Config) else Config.from_mapping(self._given, source="config")
        for name in SECRETS:
            secret = getattr(config, name)
            if secret:
                mask_secret(secret.reveal() if isinstance(secret, SecretText) else secret)
        return Client(config, trusted_authorizers=trusted, sign_records=self._sign_records)


def _options(key_secret: str | None, **options: Any) -> WriteOptions:
    from e3db_connectors.sync.writing import WriteOptions

    if key_secret:
        mask_secret(key_secret)
    return WriteOptions(key_secret=key_secret, **options)
