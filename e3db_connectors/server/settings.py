"""What the server is told at its start."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_VARIABLE: Final = "E3DB_SERVER_REGISTRATION_TOKEN"  # noqa: S105 - a name
_DELAY: Final = re.compile(r"(?P<shortest>\d{1,9}(\.\d{1,9})?)(-(?P<longest>\d{1,9}(\.\d{1,9})?))?", re.ASCII)
_DELAY_MAX: Final = 3_600_000_000

TOKEN_FILE: Final = "registration-token"  # noqa: S105 - a name
_TOKEN: Final = "registration token"  # noqa: S105 - a name


class IndexDelay(NamedTuple):
    """How long a search index lags behind, in microseconds: each change for a time of its own between the two."""

    shortest: int = 0
    longest: int = 0

    @classmethod
    def parse(cls, text: str) -> IndexDelay:
        """Read seconds, such as ``2.5``, or two such numbers with a hyphen, such as ``0-60``.

        Raises:
            ConfigError: It is neither, or out of range.
        """
        found = _DELAY.fullmatch(text.strip())
        shortest, longest = (
            (round(float(found[name] or found["shortest"]) * 1_000_000) for name in ("shortest", "longest")) if found else (1, 0)
        )
        if not shortest <= longest <= _DELAY_MAX:
            raise ConfigError("an index delay is seconds, up to 3600, such as 2.5, or from the shortest to the longest, such as 0-60")
        return cls(shortest, longest)


NO_DELAY: Final = IndexDelay()


@dataclass(frozen=True)
class ServerSettings:
    """Where the server listens and keeps things.

    Args:
        host: Address to bind.
        port: Port to bind; 0 takes a free one.
        database: SQLAlchemy URL.
        files_dir: Folder for what is not in the database.
        registration_token: What registers clients.
        anonymous_notes: Whether who is no client may write and read notes.
        max_requests: How many requests are served at a time.
        index_delay: How long searches lag behind.
        tls_certificate: File with the certificate chain to serve HTTPS with.
        tls_key: File with its private key.
        insecure_public_http: Whether plain HTTP may be served to other machines.
        cors_origins: Web pages of these origins may call the server; ``*`` for all.
        backup_public_keys: Keys that key backups are sealed for, see `backup_keys`.
        public_url: Under which clients reach the server; without one, the address that a request came to.

    Raises:
        ConfigError: If `public_url` is no URL to append a path to, an origin is none, or one TLS file is without the other.
    """

    host: str
    port: int
    database: str = field(repr=False)
    files_dir: Path
    registration_token: str = field(repr=False)
    public_url: str | None = None
    anonymous_notes: bool = True
    max_requests: int = 512
    index_delay: IndexDelay = NO_DELAY
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    insecure_public_http: bool = False
    cors_origins: tuple[str, ...] = ()
    backup_public_keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the URL, the origins, and that TLS is whole."""
        if self.public_url is not None and not _is_base(self.public_url):
            raise ConfigError("the public URL must be like https://e3db.example.com, without a query, and printable")
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("--tls-certificate and --tls-key go together")
        for origin in self.cors_origins:
            if origin != "*" and not _is_origin(origin):
                raise ConfigError("an origin is * or like https://app.example.com:8443, in small letters, without a path")

    @property
    def scheme(self) -> str:
        """``https`` with TLS files, else ``http``."""
        return "https" if self.tls_certificate else "http"

    def check_public(self, address: str) -> None:
        """Refuse to serve plain HTTP to other machines, unless that is what was asked for.

        Args:
            address: What `host` resolved to.

        Raises:
            ConfigError: If it is refused.
        """
        if not (self.tls_certificate or self.insecure_public_http or ip_address(address).is_loopback):
            raise ConfigError(
                f"{self.host} can be reached from other machines: give --tls-certificate and --tls-key, "
                "or --insecure-public-http in a trusted network or behind a proxy that does TLS"
            )


def _is_base(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    return plain and port_is_valid and parts.scheme in {"http", "https"} and bool(parts.hostname) and not {"?", "#", "@"} & set(url)


def _is_origin(text: str) -> bool:
    return _is_base(text) and "*" not in text and text == text.lower() and not urlsplit(text).path


def registration_token(files_dir: Path, token_file: Path | None = None) -> tuple[str, Path | None]:
    """Find the registration token, or make one at the first start.

    Args:
        files_dir: Where a token that is made here is kept.
        token_file: A file that holds the token.

    Returns:
        The token, and the file that holds it unless it came from the environment.

    Raises:
        ConfigError: If the file cannot be read or is empty.
    """
    given = None if token_file else os.environ.get(TOKEN_VARIABLE)
    if given:
        return given, None
    path = token_file or files_dir / TOKEN_FILE
    if token_file is None:
        _make_token(path)
    return read_secret(path, _TOKEN), path


def _make_token(path: Path) -> None:
    """Write a new token, unless there is a file already."""
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
    except OSError as exc:
        raise _unusable(path, _TOKEN, exc) from None


def read_secret(path: Path, name: str) -> str:
    """The secret in a file of one line.

    Args:
        path: The file.
        name: What it holds, for errors.

    Raises:
        ConfigError: If it cannot be read or is empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise _unusable(path, name, exc) from None
    except UnicodeDecodeError:
        raise ConfigError(f"the {name} file {path} is no text") from None
    if not secret:
        raise ConfigError(f"the {name} file {path} is empty")
    return secret


def _unusable(path: Path, name: str, exc: OSError) -> ConfigError:
    return ConfigError(f"cannot use the {name} file {path}: {exc.strerror}")
