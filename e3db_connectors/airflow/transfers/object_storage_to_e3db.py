"""Rows of an object into encrypted records: JSON lines, CSV or Parquet."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Final

from e3db_connectors.airflow.lineage import place_of_file
from e3db_connectors.airflow.storage import open_to_read, path_of
from e3db_connectors.airflow.transfers.writing import E3DBWritingOperator
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.fits import fit_of
from e3db_connectors.sync.rows import META_COLUMNS
from e3db_connectors.sync.values import from_text, is_text
from e3db_connectors.wire.limits import BODY_MAX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from airflow.sdk import Context, ObjectStoragePath

    from e3db_connectors.airflow.lineage import Place
    from e3db_connectors.sync.values import Schema

    Rows = Iterator[Mapping[str, Any]]
    Content = tuple[list[str] | None, Rows]
    Refuse = Callable[[int, UsageError], None]


class ObjectStorageToE3DBOperator(E3DBWritingOperator):
    """Encrypt the rows of a file in any storage that Airflow knows and write them as records; each row updates the record that has its key.

    A row that has not changed writes nothing, so a task that is repeated doubles nothing. The meta columns of an export are left out. In CSV
    an empty cell is null, and all columns are text but those with a schema.

    :param path: The object, as `ObjectStoragePath` takes it; ends in ``.jsonl``, ``.csv`` or ``.parquet``. (templated)
    :param object_storage_conn_id: The connection of the storage. (templated)

    The other parameters are those of `E3DBWritingOperator`.
    """

    template_fields: Sequence[str] = (*E3DBWritingOperator.template_fields, "path", "object_storage_conn_id")

    def __init__(self, *, path: str | Path | ObjectStoragePath, object_storage_conn_id: str | None = None, **kwargs: Any) -> None:
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
            path = path_of(self.path, self.object_storage_conn_id)
            read = _READERS.get(PurePosixPath(str(path)).suffix.lower())
            if read is None:
                raise UsageError(f"the path must end in one of {', '.join(_READERS)}")
            client = hook.get_conn()
            writing = self.writing(client)
            with open_to_read(path) as file:
                head, rows = read(file, self.column_schemas or {}, writing.refuse)
                # A JSON line need not name what it has no value for; but it says what it is about.
                known = [*self.plain_columns] if head is None else head
                while batch := list(islice(rows, self.batch_size)):
                    found = [name for row in batch for name in row] if head is None else []
                    names = [name for name in dict.fromkeys([*found, *known]) if name not in META_COLUMNS]
                    writing.write(names, [None] * len(names), [[row.get(name) for name in names] for row in batch])
            manifest = {"record_type": self.record_type, "path": str(self.path), **writing.counts()}
            self.tell(context, client, manifest)
        self.log.info("wrote %s", manifest)
        return manifest

    def places(self, manifest: dict[str, Any]) -> list[Place]:
        """The object."""
        return [place_of_file(manifest["path"], self.object_storage_conn_id)]


def _json_lines(file: IO[bytes], _schemas: Mapping[str, Schema], _refuse: Refuse) -> Content:
    return None, _json_rows(file)


def _json_rows(file: IO[bytes]) -> Rows:
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


def _csv(file: IO[bytes], schemas: Mapping[str, Schema], refuse: Refuse) -> Content:
    csv.field_size_limit(max(csv.field_size_limit(), BODY_MAX))  # a cell may hold as much as a record
    reader = csv.DictReader((line.decode().removeprefix("\ufeff") for line in file), strict=True)
    with _no_csv(reader):
        head = list(reader.fieldnames or ())
    return head, _csv_rows(reader, {name: schema for name, schema in schemas.items() if not is_text(schema)}, refuse)


def _csv_rows(reader: csv.DictReader[str], typed: Mapping[str, Schema], refuse: Refuse) -> Rows:
    with _no_csv(reader):
        for row in reader:
            if None in row or None in row.values():
                raise UsageError(f"line {reader.line_num} has not as many cells as the head line")
            try:
                values = {name: _cell(reader, name, text, typed[name]) if name in typed else text for name, text in row.items() if text}
            except UsageError as exc:
                refuse(reader.line_num, exc)
            else:
                yield values


def _cell(reader: csv.DictReader[str], name: str, text: str, schema: Schema) -> Any:
    try:
        return fit_of(schema)(from_text(text, schema), text)
    except UsageError as exc:
        raise UsageError(f"line {reader.line_num}, column {name}: {exc}") from None


@contextmanager
def _no_csv(reader: csv.DictReader[str]) -> Iterator[None]:
    try:
        yield
    except (csv.Error, UnicodeDecodeError):
        raise UsageError(f"line {reader.line_num} is no CSV") from None


def _parquet(file: IO[bytes], _schemas: Mapping[str, Schema], _refuse: Refuse) -> Content:
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'e3db-connectors[export]'") from None
    with _no_parquet(arrow):
        opened = parquet.ParquetFile(file)
        return list(opened.schema_arrow.names), _parquet_rows(opened, arrow)


def _parquet_rows(opened: Any, arrow: Any) -> Rows:
    with _no_parquet(arrow):
        for batch in opened.iter_batches(1_000):
            yield from batch.to_pylist()


@contextmanager
def _no_parquet(arrow: Any) -> Iterator[None]:
    try:
        yield
    except (arrow.ArrowException, OSError) as exc:
        raise UsageError(f"the file is no Parquet, or is damaged ({type(exc).__name__})") from None


_READERS: Final[Mapping[str, Callable[[IO[bytes], Mapping[str, Schema], Refuse], Content]]] = {
    ".jsonl": _json_lines,
    ".csv": _csv,
    ".parquet": _parquet,
}
"""By the end of an object's name."""
