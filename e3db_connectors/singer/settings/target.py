"""Settings of the target."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.client.connections import POOL_SIZE
from e3db_connectors.singer.settings.credentials import CREDENTIALS
from e3db_connectors.sync.writing.failures import MAX_ERRORS, ON_ERROR

TARGET: Final = th.PropertiesList(
    *CREDENTIALS,
    th.Property(
        "load_method",
        th.StringType,
        allowed_values=["upsert", "append-only"],
        default="upsert",
        title="Load method",
        description="`upsert`: a row replaces the record with the same key; streams without a key are appended. "
        "`append-only`: every row becomes a record.",
    ),
    th.Property(
        "max_workers",
        th.IntegerType(minimum=1, maximum=POOL_SIZE),
        default=WORKERS,
        title="Workers",
        description="How many rows are on their way at once.",
    ),
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
    th.Property(
        "on_error",
        th.StringType,
        allowed_values=list(ON_ERROR),
        default="fail",
        title="On error",
        description="What a row that cannot be written does: `fail` ends the run, `skip` leaves it out, "
        "`dead_letter` as well and names it in the dead-letter file.",
    ),
    th.Property(
        "max_errors",
        th.IntegerType(minimum=0),
        default=MAX_ERRORS,
        title="Most errors",
        description="More rows than these that cannot be written end the run anyway.",
    ),
    th.Property(
        "dead_letter_file",
        th.StringType,
        title="Dead-letter file",
        description="For `on_error: dead_letter`: a JSON object a line with stream, number, hashed key and class of error, never a value.",
    ),
    additional_properties=False,
).to_dict()
