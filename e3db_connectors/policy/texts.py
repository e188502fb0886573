"""The canonical text of a value: what masks are laid over and pseudonyms are made of."""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from typing import Any, Final

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")
_PLAIN_DIGITS: Final = 40
"""Numbers with so many digits before or after the point are written in full; others with an exponent."""


def canonical(value: Any) -> str:
    """One text for equal values, whatever column they are in and however they were written.

    Text is itself. A number has no needless digits, so that ``5``, ``5.0`` and the text ``5`` are the same. Everything else is
    compact JSON with sorted members.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _number(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    return _encoder.encode(value).decode()


def _number(value: Decimal) -> str:
    if not value:
        return "0"
    # Not rounded: the precision is that of the number itself.
    bare = Context(prec=len(value.as_tuple().digits), Emin=MIN_EMIN, Emax=MAX_EMAX).normalize(value)
    return format(bare, "f" if abs(bare.adjusted()) <= _PLAIN_DIGITS else "E")
