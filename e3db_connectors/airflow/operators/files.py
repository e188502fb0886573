"""Large files: encrypted on the worker and uploaded, downloaded and decrypted there; in constant memory."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from airflow.sdk import AssetAlias

from e3db_connectors.airflow.assets import ALIAS, asset_of, emit
from e3db_connectors.airflow.operators.base import E3DBOperator
from e3db_connectors.airflow.storage import open_to_read, path_of, written_whole
from e3db_connectors.client.arguments import require_text
from e3db_connectors.wire.queries import eq
from e3db_connectors.wire.records import OPERATION_MEMBER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context, ObjectStoragePath

    from e3db_connectors.airflow.storage import AnyPath


class E3DBUploadFileOperator(E3DBOperator):
    """Encrypt a file of the worker's disk or of an object store, and upload it as a record.

    The record is marked with the run, the task and what it uploads, as a hash in its plain member ``_e3db_op``: another try finds it, and
    uploads nothing. A file of the disk that has been changed since counts as another one.

    :param source: A path, an address such as ``s3://bucket/key``, or an `ObjectStoragePath`. (templated)
    :param record_type: The record's type. (templated)
    :param plain: Members that are left clear, with their values. Airflow keeps and shows them in clear. (templated)
    :param source_conn_id: The object store's connection. (templated)
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("source", "record_type", "plain", "source_conn_id", "e3db_conn_id")
    template_fields_renderers = {"plain": "json"}  # noqa: RUF012 - Airflow's

    def __init__(
        self,
        *,
        source: str | Path | ObjectStoragePath,
        record_type: str,
        plain: Mapping[str, str] | None = None,
        source_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep what to upload."""
        super().__init__(**kwargs)
        self.source = source
        self.record_type = record_type
        self.plain = plain
        self.source_conn_id = source_conn_id
        self.outlets = [*self.outlets, AssetAlias(ALIAS)]

    def execute(self, context: Context) -> dict[str, Any]:
        """Upload it, unless a try before has."""
        with self.open_hook() as hook:
            client, source = hook.get_conn(), path_of(self.source, self.source_conn_id)
            plain = {} if self.plain is None else self.plain
            require_text(plain, "plain")
            operation = self._operation(context, source, plain)
            done = client.query(record_type=self.record_type, plain=eq(OPERATION_MEMBER, operation), data=False, page_size=1).records
            if done:
                meta = done[0].meta
            else:
                with open_to_read(source) as file:
                    meta = client.write_file(self.record_type, file, {**plain, OPERATION_MEMBER: operation}).meta
            manifest = {
                "record_type": self.record_type,
                "record_id": meta.record_id,
                "version": meta.version,
                "encrypted_bytes": meta.file_meta.size if meta.file_meta else None,
            }
            emit(context, self.outlets, asset_of(client, self.record_type), manifest)
        self.log.info("file %s is uploaded", meta.record_id)
        return manifest

    def _operation(self, context: Context, source: AnyPath, plain: Mapping[str, str]) -> str:
        """The same for all tries of a task in a run that upload the same."""
        ti = context["ti"]
        what = [str(source), self.record_type, sorted(plain.items()), _look_of(source)]
        name = [ti.dag_id, ti.run_id, ti.task_id, ti.map_index, *what]
        return blake2b(msgspec.json.encode(name), digest_size=16).hexdigest()


class E3DBDownloadFileOperator(E3DBOperator):
    """Download a file and decrypt it, to the worker's disk or an object store; it appears there once all of it has been checked.

    What is there is in clear. A file of the disk can be read by its owner alone.

    :param record_id: The file's record. (templated)
    :param destination: A path, an address such as ``s3://bucket/key``, or an `ObjectStoragePath`. (templated)
    :param destination_conn_id: The object store's connection. (templated)
    :param overwrite: Replace what is there, also what a try before has written; otherwise it is an error.
    :param e3db_conn_id: The connection. (templated)
    """

    template_fields: Sequence[str] = ("record_id", "destination", "destination_conn_id", "e3db_conn_id")

    def __init__(
        self,
        *,
        record_id: str,
        destination: str | Path | ObjectStoragePath,
        destination_conn_id: str | None = None,
        overwrite: bool = True,
        **kwargs: Any,
    ) -> None:
        """Keep what to download."""
        super().__init__(**kwargs)
        self.record_id = record_id
        self.destination = destination
        self.destination_conn_id = destination_conn_id
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow's
        """Download it."""
        path = path_of(self.destination, self.destination_conn_id)
        with self.open_hook() as hook, written_whole(path, overwrite=self.overwrite) as file:
            hook.get_conn().read_file(self.record_id, file)
            size = file.tell()
        self.log.info("file %s is at %s", self.record_id, path)
        return {"record_id": self.record_id, "path": str(path), "bytes": size}


def _look_of(source: AnyPath) -> tuple[int, int] | None:
    """What tells contents of a file of the disk apart, without reading it; a store has nothing that all have in common."""
    if not isinstance(source, Path):
        return None
    try:
        status = source.stat()
    except OSError:
        return None  # it cannot be read: who opens it says so
    return status.st_size, status.st_mtime_ns
