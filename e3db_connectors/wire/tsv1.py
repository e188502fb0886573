"""TSV1 request signing, as texts (protocol section 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote_plus

METHOD: Final = "TSV1-ED25519-BLAKE2B"
_PARTS: Final = 6
_SEPARATOR: Final = "; "
_AMBIGUOUS: Final = frozenset("&=+%;")
"""With one of these in a decoded name or value, two requests could share one text of the forms that do not encode."""


@dataclass(frozen=True)
class Tsv1Header:
    """The value of an ``Authorization`` header, taken apart.

    Args:
        public_key: Signing key of the caller.
        timestamp: Unix seconds.
        nonce: A UUID, used once.
        client_id: Empty for an anonymous caller.
        signature: base64url.
    """

    public_key: str
    timestamp: int
    nonce: str
    client_id: str
    signature: str = ""

    def unsigned(self) -> str:
        """All parts but the signature."""
        return _SEPARATOR.join((METHOD, self.public_key, str(self.timestamp), self.nonce, f"uid:{self.client_id}"))

    def text(self) -> str:
        """The header's value."""
        return f"{self.unsigned()}{_SEPARATOR}{self.signature}"

    def to_sign(self, method: str, path: str, canonical_query: str) -> str:
        """The text whose hash is signed. The path is percent-encoded as in the request line; the body is not covered."""
        return _SEPARATOR.join((path or "/", canonical_query, method.upper(), self.unsigned()))


def parse_header(value: str) -> Tsv1Header | None:
    """Take a header apart; None if it is no TSV1 header."""
    parts = value.split(_SEPARATOR)
    if len(parts) != _PARTS or parts[0] != METHOD or not parts[4].startswith("uid:"):
        return None
    if not parts[2].isascii() or not parts[2].isdigit():
        return None
    return Tsv1Header(parts[1], int(parts[2]), parts[3], parts[4].removeprefix("uid:"), parts[5])


def canonical_query(query: str) -> str:
    """The form that this project signs, which is Python's: decoded, sorted by name and value, encoded like a form."""
    return _encode(sorted(_pairs(query)))


def accepted_queries(query: str) -> list[str]:
    """All forms that existing clients sign, without repetitions (section 4.4)."""
    pairs = _pairs(query)
    forms = [_encode(sorted(pairs)), _encode(sorted(pairs, key=lambda pair: pair[0]))]
    if not any(_AMBIGUOUS & set(name + value) for name, value in pairs):
        forms += ["&".join(sorted(query.split("&"))), _javascript(query), "&".join(sorted(f"{name}={value}" for name, value in pairs))]
    return list(dict.fromkeys(forms))


def _javascript(query: str) -> str:
    return "&".join(sorted(query.split("&"), key=lambda part: part.split("=", 1)[0]))


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query, keep_blank_values=True)


def _encode(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote_plus(name, safe='~')}={quote_plus(value, safe='~')}" for name, value in pairs)
