"""Options that many commands have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from e3db_connectors.client import Client, Config

    Command = TypeVar("Command", bound=Callable[..., Any])


def credentials(command: Command) -> Command:
    """``--profile`` and ``--credentials-file``; without both: E3DB_* variables, then the default profile."""
    command = click.option(
        "--credentials-file", type=click.Path(dir_okay=False, path_type=Path), help="File with the credentials; see also --profile."
    )(command)
    return click.option("--profile", help="Profile under ~/.tozny.  [default: the E3DB_* variables, else ~/.tozny/e3db.json]")(command)


def as_json(command: Command) -> Command:
    """``--json``."""
    return click.option("--json", "json_", is_flag=True, help="Print JSON, one object a line, for machines.")(command)


plain = click.option("--plain", "plain", multiple=True, metavar="NAME=VALUE", help="A plain member, which stays in clear; may be repeated.")


def config_of(profile: str | None, credentials_file: Path | None) -> Config:
    """The credentials that the options name.

    Raises:
        ConfigError: There are none, or not all.
    """
    from e3db_connectors.client import credentials as sources

    given = {"profile": profile, "credentials_file": str(credentials_file) if credentials_file else None}
    return sources.resolve({name: value for name, value in given.items() if value}, source="options")


def client_of(profile: str | None, credentials_file: Path | None) -> Client:
    """A client with the credentials that the options name."""
    from e3db_connectors.client import Client

    return Client(config_of(profile, credentials_file))


def members(pairs: Iterable[str]) -> dict[str, str]:
    """``NAME=VALUE`` texts as members.

    Raises:
        UsageError: One has no ``=``.
    """
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not equals or not name:
            raise UsageError("a plain member is written NAME=VALUE")
    return {name: value for name, _, value in split}
