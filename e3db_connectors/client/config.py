"""A client's credentials (protocol section 16)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit
from uuid import UUID

from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_API_URL: Final = "https://api.e3db.com"


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

    def __post_init__(self) -> None:
        """Check what can be checked without the server."""
        missing = [name for name in REQUIRED if not getattr(self, name)]
        if missing:
            raise ConfigError(f"credentials are incomplete: {', '.join(missing)} missing")
        try:
            UUID(self.client_id)
        except ValueError:
            raise ConfigError("client_id is no UUID") from None
        url = urlsplit(self.api_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ConfigError("api_url must look like https://api.e3db.com")
        object.__setattr__(self, "api_url", self.api_url.rstrip("/"))

    @property
    def version(self) -> str:
        """``"2"`` with signing keys, else ``"1"``; as text, for one SDK compares it so."""
        return "2" if self.private_signing_key else "1"

    def __call__(self) -> dict[str, str]:
        """All values, secrets included, as `from_mapping` takes them."""
        return {"version": self.version, **asdict(self)}

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "the configuration") -> Self:
        """Take the members of a credentials file; unknown ones are left aside.

        Args:
            values: The members; null counts as absent.
            source: What to call them in an error.

        Raises:
            ConfigError: If a required one is missing or one is malformed.
        """
        known = {name: values[name] for name in FIELDS if values.get(name) not in {None, ""}}
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

    def write_file(self, path: Path) -> None:
        """Write a credentials file that only its owner can read; never over an existing one.

        Raises:
            ConfigError: If the file exists or cannot be written.
        """
        text = json.dumps(self(), indent=4)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigError(f"{path} exists already; credentials are never overwritten, choose another place") from None
        except OSError as exc:
            raise ConfigError(f"cannot write {path}: {exc.strerror}") from None
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")

    def __reduce__(self) -> str:
        """Refuse to be pickled: keys belong in no queue and no cache."""
        msg = "a Config holds private keys and is not pickled"
        raise TypeError(msg)


FIELDS: Final = tuple(item.name for item in fields(Config))
"""All names, in the order of a credentials file."""

REQUIRED: Final = ("client_id", "api_key_id", "api_secret", "public_key", "private_key")
"""The names without which there is no client."""

SECRETS: Final = ("api_secret", "private_key", "private_signing_key")
"""The names whose values must never be shown."""
