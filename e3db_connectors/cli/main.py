"""Commands and their options."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

import click

from e3db_connectors.errors import E3DBError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="e3db-connectors")
def commands() -> None:
    """Move end-to-end encrypted E3DB records."""


def main() -> None:
    """Run a command; an error of ours becomes one line on stderr."""
    try:
        commands()
    except E3DBError as exc:
        print(f"e3db-connectors: {exc}", file=sys.stderr)  # noqa: T201 - the command's own voice
        sys.exit(1)


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True, envvar="E3DB_SERVER_HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=8400,
    show_default=True,
    envvar="E3DB_SERVER_PORT",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--database", default="sqlite:///e3db.sqlite", show_default=True, envvar="E3DB_SERVER_DATABASE", help="SQLAlchemy URL of the database."
)
@click.option(
    "--files-dir",
    default="e3db-files",
    show_default=True,
    envvar="E3DB_SERVER_FILES_DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for what is not in the database.",
)
@click.option(
    "--registration-token-file",
    envvar="E3DB_SERVER_REGISTRATION_TOKEN_FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the registration token. [default: E3DB_SERVER_REGISTRATION_TOKEN, else one is made in the files folder]",
)
@click.option(
    "--public-url",
    envvar="E3DB_SERVER_PUBLIC_URL",
    help="URL under which clients reach the server, for links to files. [default: the address that a request came to]",
)
def serve(host: str, port: int, database: str, files_dir: Path, registration_token_file: Path | None, public_url: str | None) -> None:
    """Run an E3DB-compatible server."""
    from e3db_connectors.server import process
    from e3db_connectors.server.settings import ServerSettings, registration_token

    token, token_path = registration_token(files_dir, registration_token_file)
    if token_path:
        click.echo(f"registration token: in {token_path}", err=True)
    process.serve(ServerSettings(host, port, database, files_dir, token, public_url))


@commands.command()
@click.option("--api-url", envvar="E3DB_API_URL", help="Where the server is.  [default: the hosted service]")
@click.option("--name", required=True, help="A name for the new client; those it shares with will see it.")
@click.option("--token-file", required=True, type=click.File(), help="File with the registration token; - for standard input.")
@click.option("--profile", help="Profile to keep the credentials under.")
@click.option("--credentials-file", type=click.Path(dir_okay=False, path_type=Path), help="File to keep them in instead.")
def register(api_url: str | None, name: str, token_file: TextIO, profile: str | None, credentials_file: Path | None) -> None:
    """Register a client under new keys, and keep its credentials."""
    from e3db_connectors.client import config, profiles, registration
    from e3db_connectors.errors import ConfigError

    path = credentials_file or profiles.profile_path(profile)
    try:
        token = token_file.read().strip()
    except UnicodeDecodeError:
        raise ConfigError("the registration token file is no text") from None
    with profiles.reserved(path) as file:  # before the client exists: its keys must not be lost for want of a place
        made = registration.register(token, name, api_url=api_url or config.DEFAULT_API_URL)
        file.write(made.config.to_json())
    click.echo(f"registered {made.client_id}; its credentials are in {path}: keep them, nobody else has the keys")
