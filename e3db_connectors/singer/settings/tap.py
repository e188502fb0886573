"""Settings of the tap."""

from __future__ import annotations

from typing import Final

from singer_sdk import typing as th

from e3db_connectors.singer.settings.credentials import CREDENTIALS
from e3db_connectors.wire import limits

_SECONDS_MAX: Final = 10**9

TAP: Final = th.PropertiesList(
    *CREDENTIALS,
    th.Property(
        "record_types",
        th.ArrayType(th.StringType),
        title="Record types",
        description="The types to read, a stream each; empty: all that this client has written.",
    ),
    th.Property("start_date", th.DateTimeType, title="Start date", description="Read what was changed at or after this time."),
    th.Property(
        "page_size",
        th.IntegerType(minimum=1, maximum=limits.PAGE_MAX),
        default=limits.PAGE_MAX,
        title="Page size",
        description="Most records of one request.",
    ),
    th.Property(
        "lookback_seconds",
        th.NumberType(minimum=0, maximum=_SECONDS_MAX),
        default=300,
        title="Look-back",
        description="How far behind the bookmark a run begins, because a search index may lag. "
        "What is read again has the same key and changes nothing.",
    ),
    th.Property(
        "settle_seconds",
        th.NumberType(minimum=0, maximum=_SECONDS_MAX),
        default=5,
        title="Settling time",
        description="How far before the server's present a run ends.",
    ),
    th.Property(
        "infer_schema_sample_size",
        th.IntegerType(minimum=0),
        default=100,
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
    additional_properties=False,
).to_dict()
