"""A client's credentials (protocol section 16)."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from e3db_connectors.client.profiles import profile_path, read_values, reserved
from e3db_connectors.crypto.redacted import SecretText
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_API_URL: Final = "https://api.e3db.com"


def checked_url(api_url: str) -> str:
    """An API address in its plain form.

    Raises:
        ConfigError: It is none. The text does not show it: an address may hold a password.
    """
    try:
        url = urlsplit(api_url)
        plain = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        plain = False
    if not plain or url.username or url.password or url.query or url.fragment or url.path.strip("/") or " " in api_url:
        raise ConfigError("api_url must look like https://api.e3db.com or http://127.0.0.1:8400, and nothing more")
    return api_url.rstrip("/")


def default_suite() -> str:
    """The suite of credentials that name none (protocol section 16)."""
    return "nist" if os.environ.get("CRYPTO_SUITE") == "NIST" else "sodium"


@dataclass(frozen=True)
class Config:
    """Who a client is and which keys it holds.

    Args:
        client_id: UUID of the client.
        api_key_id: Name of the API key.
        api_secret: Secret of the API key.
        public_key: Encryption key, base64url.
        private_key: Encryption key, base64url; never leaves this machine.
        public_signing_key: Ed25519 key, base64url, or empty.
        private_signing_key: Ed25519 key, base64url, or empty.
        api_url: Where the server is, without a path.
        client_email: Optional; some SDKs keep a name here.
        crypto_suite: ``sodium`` or ``nist``; by default sodium, unless the environment says ``CRYPTO_SUITE=NIST``.

    Raises:
        ConfigError: If a required value is missing or malformed. The text names the value, and never shows it.
    """

    client_id: str
    api_key_id: str
    api_secret: str = field(repr=False)
    public_key: str
    private_key: str = field(repr=False)
    public_signing_key: str = ""
    private_signing_key: str = field(default="", repr=False)
    api_url: str = DEFAULT_API_URL
    client_email: str = ""
    crypto_suite: str = field(default_factory=default_suite)

    def __post_init__(self) -> None:
        """Check what can be checked without the server."""
        missing = [name for name in REQUIRED if not getattr(self, name)]
        if missing:
            raise ConfigError(f"credentials are incomplete: {', '.join(missing)} missing")
        try:
            object.__setattr__(self, "client_id", str(UUID(str(self.client_id))))
        except ValueError:
            raise ConfigError("client_id is no UUID") from None
        if not (self.api_key_id + self.api_secret).isascii():
            raise ConfigError("api_key_id and api_secret are plain ASCII text")
        for name in _KEYS:
            if not re.fullmatch(r"[\w=-]*", getattr(self, name), re.ASCII):
                raise ConfigError(f"{name} holds a character that is not of base64url; copy it again")
        object.__setattr__(self, "api_url", checked_url(self.api_url))
        suite_named(self.crypto_suite)
        for name in SECRETS:
            object.__setattr__(self, name, SecretText(getattr(self, name)))

    @property
    def version(self) -> str:
        """``"2"`` with signing keys, else ``"1"``; as text, for one SDK compares it so."""
        return "2" if self.private_signing_key else "1"

    def __call__(self) -> dict[str, str]:
        """All values, secrets included, as `from_mapping` takes them."""
        values = {name: getattr(self, name) for name in FIELDS}
        plain = {name: value.reveal() if isinstance(value, SecretText) else value for name, value in values.items()}
        return {"version": self.version, **plain}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "the configuration") -> Self:
        """Take the members of a credentials file; unknown ones are left aside.

        Args:
            values: The members; null counts as absent.
            source: What to call them in an error.

        Raises:
            ConfigError: If a required one is missing or one is malformed.
        """
        known = {name: values[name] for name in FIELDS if values.get(name) is not None and values[name] != ""}
        known |= {name: SecretText(known[name]) for name in SECRETS if isinstance(known.get(name), str)}
        version = values.get("version") or "1"
        del values  # from here on errors are raised, and a traceback that lists local variables would show the secrets
        if str(version) not in VERSIONS:
            raise ConfigError(f"{source}: the version is neither {' nor '.join(VERSIONS)}")
        if isinstance(known.get("client_id"), UUID):
            known["client_id"] = str(known["client_id"])
        for name, value in known.items():
            if not isinstance(value, str):
                raise ConfigError(f"{source}: {name} must be text")
        missing = [name for name in REQUIRED if name not in known]
        if missing:
            raise ConfigError(f"{source}: {', '.join(missing)} missing")
        try:
            return cls(**known)
        except ConfigError as exc:
            raise ConfigError(f"{source}: {exc}") from None

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a credentials file; warn if others can read it too.

        Raises:
            ConfigError: If it is not there, not readable, no JSON object or incomplete.
        """
        return cls.from_mapping(read_values(path), source=f"credentials file {path}")

    @classmethod
    def load(cls, profile: str | None = None) -> Self:
        """Read a profile's file: ``~/.tozny/e3db.json``, or ``~/.tozny/<profile>/e3db.json``.

        Raises:
            ConfigError: See `from_file`.
        """
        return cls.from_file(profile_path(profile))

    def write(self, profile: str | None = None) -> None:
        """Write a profile's file; never over an existing one.

        Raises:
            ConfigError: If the file exists or cannot be written.
        """
        self.write_file(profile_path(profile))

    def write_file(self, path: Path) -> None:
        """Write a credentials file that only its owner can read; never over an existing one.

        Raises:
            ConfigError: If the file exists or cannot be written.
        """
        with reserved(path) as file:
            file.write(self.to_json())

    def to_json(self) -> str:
        """The content of a credentials file; secrets included."""
        return json.dumps(self(), indent=4) + "\n"

    def __reduce__(self) -> str:
        """Refuse to be pickled: keys belong in no queue and no cache."""
        msg = "a Config holds private keys and is not pickled"
        raise TypeError(msg)


FIELDS: Final = tuple(item.name for item in fields(Config))
"""All names, in the order of a credentials file."""

VERSIONS: Final = ("1", "2")
"""Versions of a credentials file, as text or number: without and with signing keys."""

REQUIRED: Final = ("client_id", "api_key_id", "api_secret", "public_key", "private_key")
"""The names without which there is no client."""

_KEYS: Final = ("public_key", "private_key", "public_signing_key", "private_signing_key")

SECRETS: Final = ("api_secret", "private_key", "private_signing_key")
"""The names whose values must never be shown."""
