"""Checking settings: all that is wrong at once, and no secret shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from singer_sdk import typing as th
from singer_sdk.typing import extend_validator_with_defaults

from e3db_connectors.errors import InvalidTime
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from datetime import datetime

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
    return errors or [error for name in ("start_date", "end_date") if (error := _date_error(config, name))]


def parse_date(text: str) -> datetime:
    """Read a time, or a date alone, which is its midnight.

    Raises:
        InvalidTime: It is neither.
    """
    return times.parse(f"{text}T00:00:00Z" if len(text) == len("2026-01-31") else text)


def _date_error(config: dict[str, Any], name: str) -> str:
    try:
        if config.get(name):
            parse_date(config[name])
    except InvalidTime as exc:
        return f"setting {name}: {exc}"
    return ""


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text  # the schema will say that it is no number


def _schema_errors(config: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    return [
        f"setting {'.'.join(map(str, error.path))}: {_words(error, schema)}" if error.path else f"settings: {error.message}"
        for error in _DefaultingValidator(schema).iter_errors(config)
    ]


def _words(error: Any, schema: dict[str, Any]) -> str:
    setting = schema["properties"][error.path[0]]
    return "it must be text" if setting.get("secret") else str(error.message)
