"""Records into an object: JSON lines, CSV or Parquet."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.lineage import place_of_file
from e3db_connectors.airflow.storage import path_of, written_whole
from e3db_connectors.airflow.transfers import windows
from e3db_connectors.airflow.transfers.reading import E3DBReadingOperator
from e3db_connectors.airflow.transfers.windows import Window
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.file_formats import FORMATS, row_file
from e3db_connectors.sync.report import Run
from e3db_connectors.sync.rows import CURSOR
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context, ObjectStoragePath

    from e3db_connectors.airflow.lineage import Place
    from e3db_connectors.client import Client
    from e3db_connectors.errors import ValueMismatch

_MILLISECOND: Final = timedelta(milliseconds=1)
_CLOCK_STEP: Final = timedelta(seconds=1)
"""The server tells whole seconds: what has been written just now is dated before the next one."""


class E3DBToObjectStorageOperator(E3DBReadingOperator):
    """Write the records of a window, or all, as rows of a file in any storage that Airflow knows.

    The window is exact, so that files of windows that meet have no record in common; without `until` it ends when the task begins, and the
    task waits until nothing new can get into it. So `lookback_seconds` counts for nothing here.

    The object is there whole or not at all: on an error it is as it was before. Another try replaces it, so name it by what it holds, such
    as ``…/{{ ds }}.parquet``, and not by the try.

    :param path: The object, as `ObjectStoragePath` takes it; ends in ``.jsonl``, ``.csv`` or ``.parquet``. (templated)
    :param object_storage_conn_id: The connection of the storage. (templated)
    :param overwrite: Replace an object that is there.

    The other parameters are those of `E3DBReadingOperator`.
    """

    template_fields: Sequence[str] = (*E3DBReadingOperator.template_fields, "path", "object_storage_conn_id")

    def __init__(
        self, *, path: str | Path | ObjectStoragePath, object_storage_conn_id: str | None = None, overwrite: bool = True, **kwargs: Any
    ) -> None:
        """Keep where to."""
        super().__init__(**kwargs)
        self.path = path
        self.object_storage_conn_id = object_storage_conn_id
        self.overwrite = overwrite

    def execute(self, context: Context) -> dict[str, Any]:
        """Write.

        Returns:
            Counts, and the object's path.
        """
        with self.open_hook() as hook:
            asked, make = self.window(), FORMATS.get(PurePosixPath(str(path_of(self.path, self.object_storage_conn_id))).suffix.lower())
            if make is None:
                raise UsageError(f"the path must end in one of {', '.join(FORMATS)}")
            client = hook.get_conn()
            self.await_end(client, asked)
            manifest = self._write(client, make, asked if asked.until else self._until_now(client, asked))
            self.tell(context, client, manifest)
        self.log.info("wrote %s", manifest)
        return manifest

    def places(self, manifest: dict[str, Any]) -> list[Place]:
        """The object."""
        return [place_of_file(manifest["path"], self.object_storage_conn_id)]

    def _until_now(self, client: Client, asked: Window) -> Window:
        """A window that ends now: what is changed while it is read would be in the file twice.

        It sleeps, and gives no slot back: after a pause *now* would be another time.
        """
        window = Window(asked.since, client.server_time() + _CLOCK_STEP)
        while left := window.wait(client.server_time(), self.tuning().settle):
            time.sleep(left.total_seconds())
        return window

    def _write(self, client: Client, make: Any, window: Window) -> dict[str, Any]:
        run = Run(client, self.record_type)
        reading = self.reading(client, run)
        columns = reading.columns()
        records, warnings = 0, reading.warnings()
        for warning in warnings:
            self.log.warning(warning)

        def refused(row: Mapping[str, Any], error: ValueMismatch) -> None:
            run.error(error)
            reading.failures.row(self.record_type, row, error)

        path = path_of(self.path, self.object_storage_conn_id)
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)  # a store has no folders, so a disk needs none either
        with written_whole(path, overwrite=self.overwrite) as file, row_file(make, file, columns, refused) as rows:
            since, until = windows.text_of(window.since) or "", windows.text_of(window.until) or ""
            for page in reading.pages(_in_milliseconds(window), exactly=True):
                records += rows.write([row for row in page.rows if since <= row[CURSOR] < until])
                reading.failures.flush()
        report = run.report()
        return {
            "record_type": self.record_type,
            "path": str(self.path),
            "since": since or None,
            "until": until,
            "records": records,
            "errors": report.errors,
            "fields_decrypted": report.fields.decrypted,
            "fields_untouched": report.fields.untouched,
            "seconds": report.seconds,
            "warnings": warnings,
        }


def _in_milliseconds(window: Window) -> Window:
    """The window with what is around it in its first and last millisecond: searches know none that is shorter."""
    until = window.until and times.floor_millisecond(window.until + _MILLISECOND - timedelta.resolution)
    return Window(window.since, until)
