"""Settings of the target."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.client.sessions import POOL_SIZE
from e3db_connectors.singer.settings.credentials import CREDENTIALS
from e3db_connectors.singer.settings.failures import failure_settings
from e3db_connectors.singer.settings.intervals import state_interval

BATCH_SIZE_ROWS: Final = 1000
"""Small enough that a signal is answered within seconds."""

_ROWS: Final = (
    th.Property(
        "record_type",
        th.StringType(min_length=1),
        default="{stream}",
        title="Record type",
        description="What the rows of a stream are written as: a text with `{stream}`, the stream's name, in it. Of names with parts, as "
        "`public-orders`, `{table}` is the last part and `{schema}` the one before.",
    ),
    th.Property(
        "plain_fields",
        th.ArrayType(th.StringType),
        title="Plain fields",
        description="Columns whose values also stay in clear, so that the server can search them, as `column` or `stream.column`: whoever "
        "runs the server can read them. Records written before get or keep theirs until their row is written again.",
    ),
    th.Property(
        "load_method",
        th.StringType,
        allowed_values=["upsert", "append-only"],
        default="upsert",
        title="Load method",
        description="`upsert`: a row replaces the record with the same key; streams without a key are appended. "
        "`append-only`: every row becomes a record. There is no `overwrite`.",
    ),
    th.Property(
        "hard_delete",
        th.BooleanType,
        default=False,
        title="Hard delete",
        description="A row that has `_sdc_deleted_at` set deletes the record of its key. Otherwise such a row is left out and its record "
        "stays, unless `add_record_metadata` asks for the column. ACTIVATE_VERSION deletes nothing either way.",
    ),
    th.Property(
        "store_schema",
        th.BooleanType,
        default=True,
        title="Store schema",
        description="Keep a schema record beside each stream, encrypted, from which readers know the types of its columns. Without it "
        "they read text; one that is already there is kept up to date.",
    ),
)

_PACE: Final = (
    th.Property(
        "max_workers",
        th.IntegerType(minimum=1, maximum=POOL_SIZE),
        default=WORKERS,
        title="Workers",
        description="How many rows are on their way at once.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        default=BATCH_SIZE_ROWS,
        title="Batch size",
        description="How many rows of a stream are gathered before they are written.",
    ),
    state_interval(
        "How long a row or a STATE waits at most: then all rows are written and the last STATE is passed on, "
        "also while no more input comes. 0: at each STATE."
    ),
)

_KEYS: Final = (
    th.Property(
        "key_secret",
        th.StringType,
        secret=True,
        title="Key secret",
        description="Secret of the keyed hash by which a row is found again: 32 random bytes as base64url. "
        "Without it one is derived from the private key. All runs that write a table need the same.",
    ),
    th.Property(
        "key_secret_previous",
        th.StringType,
        secret=True,
        title="Previous key secret",
        description="The key secret before: rows move to the new one as they are written. "
        "`derived` is the one that is derived from the private key.",
    ),
    th.Property(
        "share_with",
        th.ArrayType(th.StringType),
        title="Share with",
        description="Ids of clients that may read all streams written; nobody who may already loses access.",
    ),
)

_FAILURES: Final = failure_settings(
    one="a row that cannot be written",
    many="rows that cannot be written",
    letter="stream, number, hashed key and class of error, never a value.",
)

TARGET: Final = th.PropertiesList(*CREDENTIALS, *_ROWS, *_PACE, *_KEYS, *_FAILURES, additional_properties=False).to_dict()
