"""The suites by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError

if TYPE_CHECKING:
    from e3db_connectors.crypto.suite import CipherSuite

_SUITES: Final[dict[str, CipherSuite]] = {"sodium": SodiumSuite(), "nist": NistSuite()}
NAMES: Final = tuple(_SUITES)


def suite_named(name: str) -> CipherSuite:
    """The suite of a name, in any case.

    Raises:
        ConfigError: There is none of this name.
    """
    try:
        return _SUITES[name.lower()]
    except KeyError:
        raise ConfigError(f"crypto_suite must be one of {', '.join(NAMES)}") from None
