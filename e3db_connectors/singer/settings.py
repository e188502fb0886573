"""Settings of tap and target, as `--about` prints them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk import typing as th
from singer_sdk.typing import extend_validator_with_defaults

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.client.config import DEFAULT_API_URL, SECRETS
from e3db_connectors.client.connections import POOL_SIZE
from e3db_connectors.errors import InvalidTime
from e3db_connectors.sync.writing.failures import MAX_ERRORS, ON_ERROR
from e3db_connectors.wire import limits, times

if TYPE_CHECKING:
    from datetime import datetime

_SECONDS_MAX: Final = 10**9
_HIDDEN: Final = {*SECRETS, "key_secret", "key_secret_previous"}

_CREDENTIALS: Final = (
    th.Property("client_id", th.StringType, title="Client id", description="UUID of the E3DB client."),
    th.Property("api_key_id", th.StringType, title="API key id", description="Names the API key."),
    th.Property("api_secret", th.StringType, secret=True, title="API secret", description="Secret of the API key."),
    th.Property("public_key", th.StringType, title="Public key", description="Encryption key, base64url."),
    th.Property(
        "private_key",
        th.StringType,
        secret=True,
        title="Private key",
        description="Encryption key, base64url; it never leaves this machine.",
    ),
    th.Property("public_signing_key", th.StringType, title="Public signing key", description="Ed25519 key, base64url."),
    th.Property(
        "private_signing_key",
        th.StringType,
        secret=True,
        title="Private signing key",
        description="Ed25519 key, base64url.",
    ),
    th.Property("crypto_suite", th.StringType, title="Cipher suite", description="`sodium` (the default) or `nist`."),
    th.Property("client_email", th.StringType, title="Client e-mail", description="Optional; part of a credentials file."),
    th.Property("api_url", th.StringType, title="API URL", description=f"Where the server is; {DEFAULT_API_URL} unless given."),
    th.Property(
        "credentials_file",
        th.StringType,
        title="Credentials file",
        description="A file with the credentials above, instead of them.",
    ),
    th.Property(
        "profile",
        th.StringType,
        title="Profile",
        description="The file ~/.tozny/<profile>/e3db.json, instead of them. "
        "Without any of these the E3DB_* variables count, then ~/.tozny/e3db.json.",
    ),
)

TAP: Final = th.PropertiesList(
    *_CREDENTIALS,
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

TARGET: Final = th.PropertiesList(
    *_CREDENTIALS,
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


_DefaultingValidator: Final = extend_validator_with_defaults(th.DEFAULT_JSONSCHEMA_VALIDATOR)


def complete(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Fill in the defaults, also where a setting is null, and turn the texts of environment variables into numbers.

    Returns:
        What is wrong with the settings, without the value of any secret.
    """
    for name in [name for name, value in config.items() if value is None]:
        del config[name]
    for name, setting in schema["properties"].items():
        if "number" in setting.get("type", ()) and isinstance(config.get(name), str):
            config[name] = _number(config[name])
    errors = _schema_errors(config, schema)
    if not errors and config.get("start_date"):
        try:
            parse_date(config["start_date"])
        except InvalidTime as exc:
            errors.append(f"setting start_date: {exc}")
    return errors


def parse_date(text: str) -> datetime:
    """Read a time, or a date alone, which is its midnight.

    Raises:
        InvalidTime: It is neither.
    """
    return times.parse(f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # the schema will say that it is no number


def _schema_errors(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    return [
        f"setting {'.'.join(map(str, error.path))}: {_words(error)}" if error.path else f"settings: {error.message}"
        for error in _DefaultingValidator(schema).iter_errors(config)
    ]


def _words(error: Any) -> str:
    return "it must be text" if error.path[0] in _HIDDEN else str(error.message)
