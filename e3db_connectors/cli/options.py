"""Options that many commands have."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from e3db_connectors.client import Client, Config
    from e3db_connectors.client.doctor import Found

    Command = TypeVar("Command", bound=Callable[..., Any])

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def credentials(command: Command) -> Command:
    """``--profile`` and ``--credentials-file``; without both: E3DB_* variables, then the default profile."""
    command = click.option(
        "--credentials-file", type=click.Path(dir_okay=False, path_type=Path), help="File with the credentials; see also --profile."
    )(command)
    return click.option("--profile", help="Profile under ~/.tozny.  [default: the E3DB_* variables, else ~/.tozny/e3db.json]")(command)


def as_json(shape: str) -> Callable[[Command], Command]:
    """``--json``; *shape* says in its help what it prints."""
    return click.option("--json", "json_", is_flag=True, help=f"Print JSON for machines: {shape}.")


def text(value: str) -> str:
    """The type of an argument that goes to the server: unlike a path, it must be UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("this is no UTF-8") from None
    return value


def window(since: str | None, until: str | None) -> tuple[datetime | None, datetime | None]:
    """What ``--since`` and ``--until`` say: times, or days, which mean their beginnings in UTC.

    Raises:
        InvalidTime: One is neither.
        UsageError: Nothing can lie between them.
    """
    start, end = _moment(since), _moment(until)
    if start and end and end <= start:
        raise UsageError("--until must be later than --since")
    return start, end


def _moment(value: str | None) -> datetime | None:
    from e3db_connectors.wire import times

    if not value:
        return None
    return times.parse(f"{value}T00:00:00Z" if _DAY.fullmatch(value) else value)


plain = click.option(
    "--plain", "plain", multiple=True, type=text, metavar="NAME=VALUE", help="A plain member, which stays in clear; may be repeated."
)


def config_of(profile: str | None, credentials_file: Path | None) -> Config:
    """The credentials that the options name.

    Raises:
        ConfigError: There are none, or not all.
    """
    from e3db_connectors.client import credentials as sources

    given = {"profile": profile, "credentials_file": str(credentials_file) if credentials_file else None}
    return sources.resolve({name: value for name, value in given.items() if value}, source="options")


def found(profile: str | None, credentials_file: Path | None) -> Found:
    """The credentials, as `config_of` finds them, and where they are from.

    Raises:
        ConfigError: There are none, or not all.
    """
    from e3db_connectors.client import credentials as sources
    from e3db_connectors.client import profiles
    from e3db_connectors.client.doctor import Found

    config = config_of(profile, credentials_file)
    if credentials_file:
        return Found(config, credentials_file.expanduser())
    if profile:
        return Found(config, profiles.profile_path(profile))
    if sources.from_environment():
        return Found(config)
    return Found(config, profiles.profile_path(os.environ.get(sources.PROFILE_VARIABLE)))


def client_of(profile: str | None, credentials_file: Path | None) -> Client:
    """A client with the credentials that the options name."""
    from e3db_connectors.client import Client

    return Client(config_of(profile, credentials_file))


def members(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` texts as members.

    Raises:
        UsageError: One has no ``=``, or two have one name.
    """
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not equals or not name:
            raise UsageError("a plain member is written NAME=VALUE")
    found_members = {name: value for name, _, value in split}
    if len(found_members) < len(split):
        raise UsageError("a plain member is given twice")
    return found_members
