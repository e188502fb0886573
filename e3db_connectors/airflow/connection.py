"""What an Airflow connection says, as a client's credentials: one set from one place (design section 3)."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.client import credentials
from e3db_connectors.client.config import FIELDS, SECRETS, Config
from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import Connection

PASTED: Final = "credentials_secret"
"""The extra that holds the content of a credentials file."""

PLACES: Final = ("credentials_file", "profile")
"""Extras that name a file on the worker."""

ALIASES: Final = {"signing_public_key": "public_signing_key", "signing_private_key": "private_signing_key"}
"""The form's names; Airflow would show a `private_signing_key` in clear."""

_log = logging.getLogger(__name__)


def extra_of(connection: Connection) -> dict[str, Any]:
    """The extra of a connection; unlike `extra_dejson` it talks to nobody, and so is safe on an event loop.

    Raises:
        ConfigError: It is no JSON object.
    """
    try:
        extra = json.loads(connection.extra or "{}")
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise ConfigError(f"connection {connection.conn_id}: the extra is no JSON object")
    return extra


def secrets_in(connection: Connection, extra: Mapping[str, Any]) -> Iterator[str]:
    """All secrets that a connection holds, to be masked before anything can go wrong with them."""
    found = [connection.password, extra.get(PASTED), *(extra.get(name) for name in (*SECRETS, *ALIASES) if "private" in name)]
    pasted = _parsed(extra.get(PASTED)) or {}
    found += [pasted.get(name) for name in SECRETS]
    yield from (secret for secret in found if isinstance(secret, str) and secret)


def config_of(connection: Connection, extra: Mapping[str, Any]) -> Config:
    """The credentials of a connection; one that holds none at all leaves it to the environment, then to the profile file.

    Raises:
        ConfigError: It holds half a set, or more than one.
    """
    source = f"connection {connection.conn_id}"
    single = _single(connection, extra, source)
    if not extra.get(PASTED):
        return credentials.resolve({**single, **{name: extra[name] for name in PLACES if extra.get(name)}}, source=source)
    pasted = _parsed(extra[PASTED])
    if pasted is None:
        raise ConfigError(f"{source}: {PASTED} is not the content of a credentials file, a JSON object")
    if single.get("api_url") == pasted.get("api_url"):
        single.pop("api_url", None)
    if single or any(extra.get(name) for name in PLACES):
        raise ConfigError(f"{source}: give the single fields, {PASTED} or credentials_file, only one of the three")
    return Config.from_mapping(pasted, source=source)


def trusted_in(extra: Mapping[str, Any]) -> list[str] | None:
    """The public keys of trusted authorizers: a list, or a text with commas or spaces between."""
    keys = extra.get("trusted_authorizers")
    if isinstance(keys, str):
        keys = keys.replace(",", " ").split()
    return list(keys) if keys else None


def _single(connection: Connection, extra: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The values that stand in the connection one by one."""
    values = {name: extra[name] for name in FIELDS if extra.get(name)}
    if "private_signing_key" in values:
        _log.warning("%s: Airflow shows an extra named private_signing_key in clear; call it signing_private_key", source)
    given = {"api_url": _url(connection), "api_key_id": connection.login, "api_secret": connection.password}
    given |= {name: extra.get(alias) for alias, name in ALIASES.items()}
    for name, value in given.items():
        if value and values.setdefault(name, value) != value:
            raise ConfigError(f"{source}: it holds two different values for {name}")
    return values


def _url(connection: Connection) -> str | None:
    """The address; a URI that names none but a host means https, unless its path says ``/http``."""
    host = connection.host
    if not host:
        return None
    if "://" not in host:
        host = f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
        host = f"{connection.schema or 'https'}://{host}"
    return f"{host}:{connection.port}" if connection.port else host


def _parsed(pasted: Any) -> dict[str, Any] | None:
    if isinstance(pasted, str):
        try:
            pasted = json.loads(pasted)
        except (ValueError, RecursionError):
            return None
    return pasted if isinstance(pasted, dict) else None
