"""Options that all commands of the server share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.core import ParameterSource

from e3db_connectors.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = TypeVar("Command", bound=Callable[..., Any])

_FILE: Final = "e3db_connectors.database_file"


def database(command: Command) -> Command:
    """Give *command* the URL of the database, as ``database``; it may stand in a file."""
    of_file = click.option(
        "--database-file",
        envvar="E3DB_SERVER_DATABASE_FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="File with that URL, if it holds a password.",
    )
    of_url = click.option(
        "--database",
        default="sqlite:///e3db.sqlite",
        show_default=True,
        envvar="E3DB_SERVER_DATABASE",
        callback=_url,
        help="SQLAlchemy URL of the database.",
    )
    return of_url(of_file(command))


def _remember(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
    ctx.meta[_FILE] = path


def _url(ctx: click.Context, param: click.Parameter, value: str) -> str:
    path: Path | None = ctx.meta[_FILE]
    if path is None:
        return value
    if ctx.get_parameter_source(str(param.name)) is not ParameterSource.DEFAULT:
        raise UsageError("the database is named twice: by --database and --database-file, or their variables")
    from e3db_connectors.server.settings import read_secret

    return read_secret(path, "database")
