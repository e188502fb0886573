"""Settings of the tap."""

from __future__ import annotations

from typing import Final, get_args

from singer_sdk import typing as th

from e3db_connectors.client.sessions import POOL_SIZE
from e3db_connectors.singer.settings.credentials import CREDENTIALS
from e3db_connectors.singer.settings.failures import failure_settings
from e3db_connectors.singer.settings.intervals import SECONDS_MAX, state_interval
from e3db_connectors.sync.columns import SAMPLE_SIZE
from e3db_connectors.sync.reading.tuning import MAX_WORKERS
from e3db_connectors.sync.reading.writers import WRITERS_MAX
from e3db_connectors.sync.rows import EXTRA, UnknownFields
from e3db_connectors.wire import limits

_SCOPE: Final = (
    th.Property(
        "record_types",
        th.ArrayType(th.StringType),
        title="Record types",
        description="The types to read, a stream each; empty: all that this client has written, and with `include_all_writers` or "
        "`writer_ids` those that others share with it.",
    ),
    th.Property(
        "include_all_writers",
        th.BooleanType,
        default=False,
        title="Include all writers",
        description="Also read what others share with this client.",
    ),
    th.Property(
        "writer_ids",
        th.ArrayType(th.StringType),
        title="Writer ids",
        description=f"Read only what the clients of these ids have written, which may be others; at most {WRITERS_MAX}, empty: no such limit.",
    ),
    th.Property(
        "trusted_authorizers",
        th.ArrayType(th.StringType),
        title="Trusted authorizers",
        description="Public encryption keys; if given, others' records are opened only with access keys that one of these has sealed.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start date",
        description="Read what was changed at or after this time. Full-table reads go without.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType,
        title="End date",
        description="Read what was changed before this time, and nothing later. Full-table reads go without.",
    ),
    th.Property(
        "record_ids_file",
        th.StringType,
        title="Record ids file",
        description="Read the records that this file names and nothing else: a dead-letter file, or one with an id a line. "
        "Bookmarks stay where they are.",
    ),
)

_COLUMNS: Final = (
    th.Property(
        "infer_schema_sample_size",
        th.IntegerType(minimum=0),
        default=SAMPLE_SIZE,
        title="Sample size",
        description="How many records to look at for the columns of a type that has no schema record. "
        "Only their field names are read: nothing is decrypted.",
    ),
    th.Property(
        "schemas",
        th.ObjectType(additional_properties=th.ObjectType(additional_properties=th.ObjectType(additional_properties=True))),
        title="Schemas",
        description="Record type → column → JSON Schema; goes before the schema record and the sample.",
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        allowed_values=list(get_args(UnknownFields)),
        default="json_column",
        title="Unknown fields",
        description=f"What becomes of fields that are in no schema: `json_column` puts them into the object `{EXTRA}`, `drop` leaves "
        "them out unopened, `error` takes them for a bad record.",
    ),
    th.Property(
        "columns",
        th.ObjectType(additional_properties=True),
        title="Columns",
        description="A column policy: `rules` that decide before anything is decrypted what is shown of each column, see docs/policy.md.",
    ),
    th.Property("policy_file", th.StringType, title="Policy file", description="A file with a column policy, instead of `columns`."),
    th.Property(
        "pseudonym_key",
        th.StringType,
        secret=True,
        title="Pseudonym key",
        description="What the rule `pseudonym` makes its hashes with: 32 to 64 random bytes as base64url.",
    ),
)

_FILES: Final = (
    th.Property(
        "files_directory",
        th.StringType,
        title="Files directory",
        description="Where the decrypted large files go, named by the id of their record: a folder, or a URL that fsspec knows. "
        "Without it rows tell of files only what is clear.",
    ),
)

_READING: Final = (
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=limits.PAGE_MAX),
        default=limits.PAGE_MAX,
        title="Page size",
        description="Most records of one request.",
    ),
    th.Property(
        "max_workers",
        th.IntegerType(minimum=1, maximum=POOL_SIZE),
        default=MAX_WORKERS,
        title="Workers",
        description="How many pages are fetched and decrypted at once; they are given out in their order.",
    ),
    th.Property(
        "lookback_seconds",
        th.NumberType(minimum=0, maximum=SECONDS_MAX),
        default=300,
        title="Look-back",
        description="How far behind the bookmark a run begins, because a search index may lag. "
        "What is read again has the same key and changes nothing.",
    ),
    th.Property(
        "settle_seconds",
        th.NumberType(minimum=0, maximum=SECONDS_MAX),
        default=5,
        title="Settling time",
        description="How far before the server's present a run ends.",
    ),
    state_interval("A STATE comes at least as often, so that a run that is cut off does not begin anew."),
)

_DELETES: Final = (
    th.Property(
        "detect_deletes",
        th.BooleanType,
        default=False,
        title="Detect deletes",
        description="Add a stream `<stream>__live` of the ids, versions and times that there are. Nothing is decrypted for it; rows that are not "
        "in it have been deleted, see docs/examples/deletes.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=True,
        title="Emit ACTIVATE_VERSION",
        description="After a full-table read that left out nothing, tell the loader that rows of earlier reads are gone.",
    ),
)

_FAILURES: Final = failure_settings(
    one="a record that does not open or does not fit its columns",
    many="bad records",
    letter="type, id, version and class of error, never a value. `record_ids_file` reads exactly those again.",
)

TAP: Final = th.PropertiesList(
    *CREDENTIALS, *_SCOPE, *_COLUMNS, *_FILES, *_READING, *_DELETES, *_FAILURES, additional_properties=False
).to_dict()
