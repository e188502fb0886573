"""Sharing and authorizers (protocol section 12)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Right(StrEnum):
    """What a policy allows."""

    READ = "read"
    AUTHORIZER = "authorizer"


class PolicyChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a PUT of a policy: rights to allow and to deny, each like ``{"read": {}}``."""

    allow: list[dict[str, dict[str, str]]] | None = None
    deny: list[dict[str, dict[str, str]]] | None = None


def allow(right: Right) -> PolicyChange:
    """Give a right."""
    return PolicyChange(allow=[{right: {}}])


def deny(right: Right) -> PolicyChange:
    """Take a right."""
    return PolicyChange(deny=[{right: {}}])


class OutgoingShare(msgspec.Struct, frozen=True):
    """A type that this client has shared, and with whom."""

    reader_id: str
    record_type: str
    reader_name: str = ""


class IncomingShare(msgspec.Struct, frozen=True, omit_defaults=True):
    """A type that somebody has shared with this client.

    Args:
        granted: When; only the project's own server tells.
    """

    writer_id: str
    record_type: str
    writer_name: str = ""
    granted: str = ""


class Authorization(msgspec.Struct, frozen=True):
    """Somebody's right to share a type on behalf of its writer."""

    authorizer_id: str
    writer_id: str
    user_id: str
    record_type: str
    authorized_by: str
