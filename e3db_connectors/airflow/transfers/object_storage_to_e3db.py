"""Rows of an object into encrypted records: JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.lineage import place_of_file
from e3db_connectors.airflow.storage import open_to_read, path_of
from e3db_connectors.airflow.transfers.writing import E3DBWritingOperator
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.rows import META_COLUMNS
from e3db_connectors.sync.values import from_text, is_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow.sdk import Context

    from e3db_connectors.airflow.lineage import Place
    from e3db_connectors.sync.values import Schema

    Rows = Iterator[Mapping[str, Any]]


class ObjectStorageToE3DBOperator(E3DBWritingOperator):
    """Encrypt the rows of a file in any storage that Airflow knows and write them as records; each row updates the record that has its key.

    A row that has not changed writes nothing, so a task that is repeated doubles nothing. The meta columns of an export are left out. In CSV
    an empty cell is null, and all columns are text but those with a schema.

    :param path: The object, as `ObjectStoragePath` takes it; ends in ``.jsonl``, ``.csv`` or ``.parquet``. (templated)
    :param object_storage_conn_id: The connection of the storage. (templated)

    The other parameters are those of `E3DBWritingOperator`.
    """

    template_fields: Sequence[str] = (*E3DBWritingOperator.template_fields, "path", "object_storage_conn_id")

    def __init__(self, *, path: str, object_storage_conn_id: str | None = None, **kwargs: Any) -> None:
        """Keep where from."""
        super().__init__(**kwargs)
        self.path = path
        self.object_storage_conn_id = object_storage_conn_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Write.

        Returns:
            Counts, and the object's path.
        """
        with self.open_hook() as hook:
            read = _READERS.get(PurePosixPath(self.path).suffix.lower())
            if read is None:
                raise UsageError(f"the path must end in one of {', '.join(_READERS)}")
            client = hook.get_conn()
            writing = self.writing(client)
            with open_to_read(path_of(self.path, self.object_storage_conn_id)) as file:
                rows = read(file, self.column_schemas or {})
                while batch := list(islice(rows, self.batch_size)):
                    names = [name for name in dict.fromkeys(name for row in batch for name in row) if name not in META_COLUMNS]
                    writing.write(names, [None] * len(names), [[row.get(name) for name in names] for row in batch])
            manifest = {"record_type": self.record_type, "path": self.path, **writing.counts()}
            self.tell(context, client, manifest)
        self.log.info("wrote %s", manifest)
        return manifest

    def places(self, manifest: dict[str, Any]) -> list[Place]:
        """The object."""
        return [place_of_file(manifest["path"], self.object_storage_conn_id)]


def _json_lines(file: IO[bytes], _schemas: Mapping[str, Schema]) -> Rows:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise UsageError(f"line {number} is no JSON object")
        yield row


def _csv(file: IO[bytes], schemas: Mapping[str, Schema]) -> Rows:
    reader = csv.DictReader((line.decode().removeprefix("\ufeff") for line in file), strict=True)
    typed = {name: schema for name, schema in schemas.items() if not is_text(schema)}
    try:
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(f"line {reader.line_num} has not as many cells as the head line")
            yield {name: from_text(text, typed[name]) if name in typed else text for name, text in row.items() if text}
    except (csv.Error, UnicodeDecodeError):
        raise UsageError(f"line {reader.line_num} is no CSV") from None


def _parquet(file: IO[bytes], _schemas: Mapping[str, Schema]) -> Rows:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'e3db-connectors[export]'") from None
    for batch in parquet.ParquetFile(file).iter_batches(1_000):
        yield from batch.to_pylist()


_READERS: Final[Mapping[str, Callable[[IO[bytes], Mapping[str, Schema]], Rows]]] = {
    ".jsonl": _json_lines,
    ".csv": _csv,
    ".parquet": _parquet,
}
"""By the end of an object's name."""
