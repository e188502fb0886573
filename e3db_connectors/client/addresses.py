"""Which addresses are safe to talk to: the API's, and those of large files that the API names."""

from __future__ import annotations

import os
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from e3db_connectors.errors import ConfigError, ResponseInvalid

INSECURE_VARIABLE: Final = "E3DB_ALLOW_INSECURE_HTTP"
_PORTS: Final = {"http": 80, "https": 443}


def insecure_http_allowed() -> bool:
    """Whether the environment lets clear text HTTP go beyond this machine."""
    return os.environ.get(INSECURE_VARIABLE) == "1"


def require_secure(api_url: str) -> None:
    """Accept what is encrypted on its way or does not leave this machine.

    Raises:
        ConfigError: It is neither.
    """
    if urlsplit(api_url).scheme != "https" and not leads_to_this_machine(api_url):
        raise ConfigError(f"api_url is http to another machine; use https, or set {INSECURE_VARIABLE}=1 in a network that you trust")


def leads_to_this_machine(url: str) -> bool:
    """Whether the host of a URL is the machine itself, by its name or its loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def require_file_url(url: str, api_url: str) -> None:
    """Accept the address of a file's body if it is encrypted on its way, or leads to the API's own origin.

    Raises:
        ResponseInvalid: It is neither, or names a user. The text does not show it: it is the permission to use the file.
    """
    try:
        parts, own = urlsplit(url), urlsplit(api_url)
        safe = parts.scheme == "https" or _origin(parts) == _origin(own)
        plain = parts.hostname and not parts.username and not parts.password
    except ValueError:
        safe = plain = False
    if not (safe and plain):
        raise ResponseInvalid("the server names a place for a file that is neither https nor its own address")


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)
