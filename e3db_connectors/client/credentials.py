"""Where credentials come from: one source, never a mixture.

The order is the same everywhere: what the caller passes, then the settings of the tool that calls, then the environment
(`E3DB_*`), then the profile file. The first source that holds anything is used alone; half a set there is an error,
because filling it up from the next source would sign in as one client and encrypt as another.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.client.config import FIELDS, REQUIRED, SECRETS, Config
from e3db_connectors.client.profiles import profile_path
from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX: Final = "E3DB_"
PROFILE_VARIABLE: Final = "E3DB_PROFILE"


def from_environment(environ: Mapping[str, str] | None = None) -> Config | None:
    """The credentials of the `E3DB_*` variables, or None if no variable of them is set.

    Raises:
        ConfigError: If some are set, but not all that are required.
    """
    environ = os.environ if environ is None else environ
    values = {name: environ[ENVIRONMENT_PREFIX + name.upper()] for name in FIELDS if environ.get(ENVIRONMENT_PREFIX + name.upper())}
    del environ  # a traceback that lists local variables would show the secrets in it
    values |= {name: SecretText(values[name]) for name in SECRETS if name in values}
    if not values.keys() & set(REQUIRED):
        return None  # an address alone is no credential
    return Config.from_mapping(values, source="environment E3DB_*")


def from_settings(settings: Mapping[str, Any], *, source: str) -> Config | None:
    """The credentials among a tool's settings: the fields, a ``credentials_file`` or a ``profile``.

    Returns:
        None if the settings hold nothing of the kind.

    Raises:
        ConfigError: If they hold half a set, or more than one of the three.
    """
    values = {name: settings[name] for name in FIELDS if settings.get(name)}
    file, profile = settings.get("credentials_file"), settings.get("profile")
    if sum(map(bool, (values, file, profile))) > 1:
        raise ConfigError(f"{source}: give the credentials, credentials_file or profile, only one of the three")
    if file:
        return Config.from_file(_expanded(file))
    if profile:
        return Config.load(profile)
    return Config.from_mapping(values, source=source) if values else None


def _expanded(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise ConfigError(f"there is no home folder for the credentials file {path}") from None


def resolve(settings: Mapping[str, Any] | None = None, *, source: str = "settings") -> Config:
    """Find the credentials: settings, then environment, then profile file.

    Args:
        settings: Settings of the calling tool, see `from_settings`.
        source: What to call them in an error.

    Raises:
        ConfigError: If no source has any, or the first that has is incomplete.
    """
    config = from_settings(settings or {}, source=source) or from_environment()
    if config:
        return config
    path = profile_path(os.environ.get(PROFILE_VARIABLE))
    if path.exists():
        return Config.from_file(path)
    raise ConfigError(
        f"no credentials: set them in the {source}, as {ENVIRONMENT_PREFIX}CLIENT_ID and so on, "
        f"or make {path} with 'e3db-connectors register'",
    )
