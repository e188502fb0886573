"""Checks of a client's setup, one by one, each with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from e3db_connectors.client.client import Client
from e3db_connectors.errors import ConfigError, E3DBError, TransportError, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from e3db_connectors.client.config import Config
    from e3db_connectors.wire.accounts import ClientInfo

RECORD_TYPE: Final = "e3db.doctor"
"""Of the record that is written to try it, and deleted again."""

SKEW_SECONDS: Final = 60.0
"""By how much this machine's clock may differ from the server's before it is worth a word."""


@dataclass(frozen=True)
class Finding:
    """What came of one check.

    Args:
        check: What was looked at.
        ok: Whether it is as it should be.
        detail: What was found.
        hint: How to mend it; empty if nothing is wrong.
    """

    check: str
    ok: bool
    detail: str
    hint: str = ""


def examine(find_config: Callable[[], Config], *, write: bool = True) -> Iterator[Finding]:
    """Check everything, in an order in which a failure makes what follows pointless; there it ends.

    Args:
        find_config: Finds the credentials.
        write: Also write, read and delete a record.
    """
    try:
        config = find_config()
        client = Client(config)
    except E3DBError as exc:
        yield Finding(
            "credentials", ok=False, detail=str(exc), hint="run 'e3db-connectors register', or name a profile or file that exists"
        )
        return
    yield Finding("credentials", ok=True, detail=f"client {config.client_id}, {config.crypto_suite} suite")
    with client:
        try:
            info = client.client_info(client.client_id)
        except E3DBError as exc:
            yield _no_sign_in(config, exc)
            return
        yield Finding("sign-in", ok=True, detail=f"{config.api_url} accepts the API key")
        yield _clock(client)
        yield from _keys(client, info)
        if write:
            yield _round_trip(client)


def _no_sign_in(config: Config, exc: E3DBError) -> Finding:
    if isinstance(exc, Unauthorized):
        hint = "api_key_id or api_secret are not, or no longer, valid: register anew, or fetch them again"
    elif isinstance(exc, (TransportError, ConfigError)):
        hint = f"check that a server runs at {config.api_url}, and that nothing between here and there blocks it"
    else:
        hint = "this is not what an E3DB server answers: check api_url"
    return Finding("sign-in", ok=False, detail=str(exc), hint=hint)


def _clock(client: Client) -> Finding:
    offset = client.clock_offset
    if offset is None:
        return Finding(
            "clock", ok=False, detail="the server's replies carry no Date", hint="incremental reads need it: check proxies between"
        )
    detail = f"the server is {abs(offset):.0f} s {'ahead' if offset > 0 else 'behind'}"
    if abs(offset) <= SKEW_SECONDS:
        return Finding("clock", ok=True, detail=detail)
    return Finding(
        "clock", ok=False, detail=detail, hint="set one of the two clocks by NTP; requests are signed by the server's clock meanwhile"
    )


def _keys(client: Client, info: ClientInfo) -> Iterator[Finding]:
    config = client.config
    for check, own, registered in (
        ("encryption key", config.public_key, info.public_key.values()),
        ("signing key", config.public_signing_key, (info.signing_key or {}).values()),
    ):
        if not own and check == "signing key":
            yield Finding(check, ok=True, detail="none: notes and bulk deletes are not possible")
        elif own in registered:
            yield Finding(check, ok=True, detail="the server has the same public key")
        else:
            hint = "these credentials are mixed up from two clients: use one file as it was written"
            yield Finding(check, ok=False, detail="the server has another public key for this client", hint=hint)


def _round_trip(client: Client) -> Finding:
    record = None
    try:
        record = client.write(RECORD_TYPE, {"check": "a value"})
        same = client.read(record.meta.record_id).data == record.data
    except E3DBError as exc:
        return Finding(
            "round trip", ok=False, detail=str(exc), hint="the client signs in, but may not write, or cannot open what it writes"
        )
    finally:
        if record is not None:
            client.delete(record.meta.record_id)
    return Finding("round trip", ok=same, detail="wrote, read and deleted a record")
