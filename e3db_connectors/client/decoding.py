"""Replies to typed structs; whatever does not fit is one kind of error."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from e3db_connectors.errors import ResponseInvalid

if TYPE_CHECKING:
    from e3db_connectors.client.transport import Call

T = TypeVar("T")


def decode(body: bytes, kind: type[T], call: Call) -> T:
    """Decode a reply.

    Raises:
        ResponseInvalid: If it is no JSON of this shape. The text names the place in it, never a value.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as exc:
        where = str(exc) if isinstance(exc, msgspec.ValidationError) else "no JSON"
        raise ResponseInvalid(f"{call.shown}: the reply does not follow the protocol ({where})") from None
