"""Beginning to write a stream: who may read it, which schema and which secret its rows follow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.crypto import blind_index
from e3db_connectors.errors import ConfigError, UsageError
from e3db_connectors.sync import schemas
from e3db_connectors.sync.column_schemas import require_schemas
from e3db_connectors.sync.keys import RowKeys
from e3db_connectors.sync.names import META_PREFIX, is_internal, require_several
from e3db_connectors.sync.values import is_integer
from e3db_connectors.sync.writing import rotation
from e3db_connectors.sync.writing.batches import Batches
from e3db_connectors.sync.writing.delete import RowDeleter
from e3db_connectors.sync.writing.failures import Failures
from e3db_connectors.sync.writing.lookup import Lookup
from e3db_connectors.sync.writing.outcomes import DELETE_OUTCOMES
from e3db_connectors.sync.writing.readers import share_stream
from e3db_connectors.sync.writing.writer import RowWriter, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.sync.values import Schema

DERIVED: Final = "derived"
"""As `WriteOptions.key_secret_previous`: the secret that counts where none is set."""


@dataclass(frozen=True)
class WriteOptions:
    """How rows are written.

    Args:
        key_secret: Secret of the blind index of keys, 32 random bytes or more as base64url; without it, one is derived from the
            client's private key. All runs that write a table need the same one.
        key_secret_previous: The one before: rows are found by it, and move to the new one as they are written. ``derived`` is the
            one that is derived from the private key.
        share_with: Ids of clients that may read the stream.
        workers: How many rows are on their way at once.
        plain_columns: Columns whose texts also stay in clear, as plain members of the record, so that the server can search them.
        store_schema: Whether a schema record is made, if there is none. Without it, readers take every column for text unless they are
            told otherwise, and the meta of all rows is read at the start to see whether they are keyed with another secret.
    """

    key_secret: str | None = field(default=None, repr=False)
    key_secret_previous: str | None = field(default=None, repr=False)
    share_with: Collection[str] = ()
    workers: int = WORKERS
    plain_columns: Collection[str] = ()
    store_schema: bool = True


def open_writer(
    client: Client,
    record_type: str,
    columns: Mapping[str, Schema],
    key_columns: Sequence[str] = (),
    *,
    options: WriteOptions | None = None,
    failures: Failures | None = None,
    check: Callable[[Mapping[str, Any]], object] | None = None,
) -> RowWriter:
    """Begin to write rows of a type.

    Args:
        client: Who writes.
        record_type: The records' type.
        columns: Column → JSON Schema.
        key_columns: The columns that tell rows apart; without any, each row becomes a record of its own.
        options: How.
        failures: What is done about rows that cannot be written; by default the first one is raised.
        check: Called with each row; raises `UsageError` for one that is not to be written.

    Raises:
        ConfigError: The options do not go together.
        WrongKeySecret: Rows of the type are keyed by another secret.
        UsageError: The type is the connector's own, a column's schema is none, or there is a text where a list belongs.
    """
    options = options or WriteOptions()
    _refuse_internal(record_type)
    require_schemas(columns)
    require_several(options.plain_columns, "plain_columns")
    require_several(options.share_with, "share_with")
    own = [name for name in options.plain_columns if name.lower().startswith(META_PREFIX)]
    if own:
        raise ConfigError(f"plain members that start with {META_PREFIX} are the connector's own; {', '.join(own)} cannot stay in clear")
    keys = _row_keys(client, record_type, columns, key_columns, options) if key_columns else None
    share_stream(client, record_type, options.share_with)
    known = _begin(client, record_type, columns, keys, store=options.store_schema)
    stream = Stream(record_type, columns, known, keys, options.plain_columns)
    return RowWriter(client, stream, workers=options.workers, failures=failures, check=check)


def open_deleter(
    client: Client,
    record_type: str,
    columns: Mapping[str, Schema],
    key_columns: Sequence[str],
    *,
    options: WriteOptions | None = None,
    failures: Failures | None = None,
) -> RowDeleter:
    """Begin to delete the records of rows, without writing any; nothing is stored or shared.

    Args:
        client: Who has written them.
        record_type: The records' type.
        columns: Column → JSON Schema, as the rows were written; the key's are enough.
        key_columns: The columns that tell rows apart.
        options: The secrets and the number of workers count.
        failures: What is done about rows without a key; by default the first one is raised.

    Raises:
        ConfigError: The options do not go together.
        WrongKeySecret: Rows of the type are keyed by another secret, and would not be found.
        UsageError: The type is the connector's own, or there are no key columns.
    """
    options = options or WriteOptions()
    _refuse_internal(record_type)
    if not key_columns:
        raise UsageError(f"rows of {record_type} cannot be deleted without key columns: nothing tells which records are theirs")
    keys = _row_keys(client, record_type, columns, key_columns, options)
    rotation.admit(client, record_type, schemas.load_own(client, record_type).kids, keys.kids)
    batches = Batches(record_type, options.workers, failures or Failures(), DELETE_OUTCOMES)
    return RowDeleter(client, columns, keys, Lookup(client, record_type, options.workers), batches)


def _refuse_internal(record_type: str) -> None:
    if is_internal(record_type):
        raise UsageError(f"records of type {record_type} are the connector's own or the account's; name the stream otherwise")


def _row_keys(
    client: Client, record_type: str, columns: Mapping[str, Schema], key_columns: Sequence[str], options: WriteOptions
) -> RowKeys:
    require_several(key_columns, "key_columns")
    derived = blind_index.derive_key(client.private_key_bytes)
    current = blind_index.read_key(options.key_secret) if options.key_secret else derived
    previous = None
    if options.key_secret_previous == DERIVED:
        previous = derived
    elif options.key_secret_previous:
        previous = blind_index.read_key(options.key_secret_previous, what="key_secret_previous")
    integers = [name for name in key_columns if is_integer(columns.get(name, {}))]
    return RowKeys(current, record_type, key_columns, previous, integers=integers)


def _begin(client: Client, record_type: str, columns: Mapping[str, Schema], keys: RowKeys | None, *, store: bool) -> schemas.StreamSchemas:
    """Make the schema record name the schema and the secret of the rows to come."""
    if not store:
        known = schemas.load_own(client, record_type)
        if not known.numbered:  # one that is there has to stay true, or its rows would be misread and another secret let in
            if keys is not None:
                rotation.admit(client, record_type, (), keys.kids)
            return known
    if keys is None:
        return schemas.remember(client, record_type, columns)
    named = schemas.load_own(client, record_type).kids
    rotation.admit(client, record_type, named, keys.kids)
    known = schemas.remember(client, record_type, columns, kid=keys.kids[0], settled=named - set(keys.kids))
    rotation.require(record_type, known.kids, keys.kids)
    return known
