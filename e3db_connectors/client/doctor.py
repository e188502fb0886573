"""Checks of a client's setup, one by one, each with what to do about it."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from e3db_connectors.client.client import Client
from e3db_connectors.errors import E3DBError, TransportError, Unauthorized, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from e3db_connectors.client.config import Config
    from e3db_connectors.wire.accounts import ClientInfo

RECORD_TYPE: Final = "e3db.doctor"
"""Of the record that is written to try it, and deleted again."""

SKEW_SECONDS: Final = 60.0
"""By how much this machine's clock may differ from the server's before it is worth a word."""

_MIXED_UP: Final = "these credentials are mixed up from two clients: use one file as it was written"


class Found(NamedTuple):
    """Credentials, and the file that they are from; None: from elsewhere."""

    config: Config
    file: Path | None = None
    elsewhere: str = "the environment, E3DB_*"

    @property
    def place(self) -> str:
        """Where they are from, in words."""
        return str(self.file) if self.file else self.elsewhere


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


def examine(find: Callable[[], Found], *, write: bool = True) -> Iterator[Finding]:
    """Check everything, in an order in which a failure makes what follows pointless; there it ends.

    Args:
        find: Finds the credentials.
        write: Also write, read and delete a record.
    """
    try:
        found = find()
    except E3DBError as exc:
        yield _failed("credentials", exc, "run 'e3db-connectors register', or name a profile or file that exists and is complete")
        return
    config = found.config
    yield Finding("credentials", ok=True, detail=f"client {config.client_id}, {config.crypto_suite} suite, from {found.place}")
    if found.file:
        yield _permissions(found.file)
    try:
        client = Client(config)
    except E3DBError as exc:
        yield _failed("settings", exc, f"change what is wrong in {found.place}; keys belong in pairs, as they were made")
        return
    with client:
        yield from _at_the_server(client, write=write)


def _at_the_server(client: Client, *, write: bool) -> Iterator[Finding]:
    info, refusal = None, None
    try:
        info = client.client_info(client.client_id)
    except TransportError as exc:
        hint = f"check that a server runs at {client.config.api_url}, and that nothing between here and there blocks it"
        yield _failed("server", exc, hint)
        return
    except E3DBError as exc:
        refusal = exc
    yield Finding("server", ok=True, detail=f"{client.config.api_url} answers")
    yield _clock(client)
    if info is None:
        yield _failed("sign-in", refusal, _why_no_sign_in(refusal))
        return
    yield Finding("sign-in", ok=True, detail="the API key is accepted")
    yield from _keys(client, info)
    if write:
        yield _round_trip(client)


def _failed(check: str, exc: E3DBError | None, hint: str) -> Finding:
    return Finding(check, ok=False, detail=str(exc), hint=hint)


def _permissions(file: Path) -> Finding:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as exc:
        return Finding("file permissions", ok=False, detail=exc.strerror or "unknown", hint=f"check who may reach {file}")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding(
            "file permissions", ok=False, detail=f"mode {mode:03o}: others can get at the private keys", hint=f"run: chmod 600 {file}"
        )
    return Finding("file permissions", ok=True, detail=f"mode {mode:03o}: only its owner can read it")


def _why_no_sign_in(refusal: E3DBError | None) -> str:
    if isinstance(refusal, Unauthorized):
        return "api_key_id or api_secret are not, or no longer, valid: register anew, or fetch them again"
    if isinstance(refusal, Unavailable):
        return "the server is overloaded or broken for the moment: try again later"
    return "this is not what an E3DB server answers to its client: check api_url and client_id"


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
            yield Finding(check, ok=False, detail="the server has another public key for this client", hint=_MIXED_UP)


def _round_trip(client: Client) -> Finding:
    try:
        # Under an operation id no lost answer leaves a record behind that nobody knows of.
        written = client.write(RECORD_TYPE, {"check": "a value"}, operation_id=uuid4())
        try:
            same = client.read(written.meta.record_id).data == written.data
        finally:
            client.delete(written.meta.record_id)
    except E3DBError as exc:
        hint = f"the client signs in, but cannot write, read and delete; a record of type {RECORD_TYPE} may be left"
        return _failed("round trip", exc, hint)
    if not same:
        return Finding("round trip", ok=False, detail="what was read is not what was written", hint="do not trust this server")
    return Finding("round trip", ok=True, detail="wrote, read and deleted a record")
