"""Settings out of the environment: a text that is no number, no truth value or no JSON is told by the variable's name."""

from __future__ import annotations

import os
from typing import Any, Final

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.helpers._typing import is_array_type, is_boolean_type, is_integer_type, is_object_type, is_string_array_type
from singer_sdk.helpers._util import load_json

from e3db_connectors.errors import ConfigError

_TRUTH: Final = ("true", "false", "1", "0", "yes", "no", "on", "off")


def from_environment(schema: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The settings that variables with *prefix*, or a ``.env`` file, hold.

    Raises:
        ConfigError: Some variables hold nothing that a setting can be. No value is shown.
    """
    try:
        config = parse_environment_config(schema, prefix)
    except ValueError:
        _check(schema, prefix)
        raise
    _check(schema, prefix)  # the SDK takes any text but a few for false
    return config


def _check(schema: dict[str, Any], prefix: str) -> None:
    problems = [
        f"{prefix}{name.upper()} must be {wanted}"
        for name, setting in schema["properties"].items()
        if (text := os.environ.get(f"{prefix}{name.upper()}")) is not None and (wanted := _wanted(text, setting))
    ]
    if problems:
        raise ConfigError("; ".join(problems)) from None


def _wanted(text: str, setting: dict[str, Any]) -> str:
    """What the text should be; nothing if it is."""
    if is_integer_type(setting):
        return "" if _parses(int, text) else "a whole number"
    if is_boolean_type(setting):
        return "" if text.lower() in _TRUTH else f"one of {', '.join(_TRUTH)}"
    if is_string_array_type(setting):
        return ""  # the SDK takes a list with commas, too
    if is_array_type(setting) or is_object_type(setting):
        return "" if _parses(load_json, text) else "JSON"
    return ""


def _parses(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except (ValueError, RecursionError):
        return False
    return True
