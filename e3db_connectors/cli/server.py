"""Running a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from e3db_connectors.cli import server_options


class _Listed(click.types.StringParamType):
    """One of several texts; in a variable there are commas between them."""

    envvar_list_splitter = ","

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(value, param, ctx)).strip()


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, envvar="E3DB_SERVER_HOST", help="Address to listen on.")
@click.option(
    "--port",
    default=8400,
    show_default=True,
    envvar="E3DB_SERVER_PORT",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@server_options.database
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
@click.option(
    "--no-anonymous-notes",
    is_flag=True,
    envvar="E3DB_SERVER_NO_ANONYMOUS_NOTES",
    help="Refuse notes of, and to, callers who are no clients of this server.",
)
@click.option(
    "--max-requests",
    default=512,
    show_default=True,
    envvar="E3DB_SERVER_MAX_REQUESTS",
    type=click.IntRange(1),
    help="Requests that are served at a time; others are told to come again.",
)
@click.option(
    "--tls-certificate",
    envvar="E3DB_SERVER_TLS_CERTIFICATE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file with the certificate and its chain, for HTTPS.",
)
@click.option(
    "--tls-key",
    envvar="E3DB_SERVER_TLS_KEY",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file with the certificate's private key, not encrypted.",
)
@click.option(
    "--insecure-public-http",
    is_flag=True,
    envvar="E3DB_SERVER_INSECURE_PUBLIC_HTTP",
    help="Serve plain HTTP to other machines: in a trusted network, or behind a proxy that does TLS.",
)
@click.option(
    "--cors-origin",
    "cors_origins",
    multiple=True,
    envvar="E3DB_SERVER_CORS_ORIGINS",
    type=_Listed("origin"),
    help="Origin of web pages that may call the server, * for any; may be repeated, in the variable with commas.  [default: none]",
)
@click.option(
    "--backup-public-key",
    "backup_public_keys",
    multiple=True,
    envvar="E3DB_SERVER_BACKUP_PUBLIC_KEY",
    type=_Listed("key"),
    help="Public key that clients seal their key backups for; one for each crypto suite, in the variable with a comma.  "
    "[default: one that nobody has the private half of]",
)
@click.option(
    "--index-delay",
    default="0",
    show_default=True,
    envvar="E3DB_SERVER_INDEX_DELAY",
    metavar="SECONDS",
    help="Let v2 searches lag behind as those of the original do, to test clients against it; 0-60 gives each change a lag of its own.",
)
def serve(
    host: str,
    port: int,
    database: str,
    files_dir: Path,
    registration_token_file: Path | None,
    public_url: str | None,
    no_anonymous_notes: bool,
    max_requests: int,
    index_delay: str,
    tls_certificate: Path | None,
    tls_key: Path | None,
    insecure_public_http: bool,
    cors_origins: tuple[str, ...],
    backup_public_keys: tuple[str, ...],
) -> None:
    """Run an E3DB-compatible server."""
    from e3db_connectors.server import process
    from e3db_connectors.server.settings import IndexDelay, ServerSettings, registration_token

    token, token_path = registration_token(files_dir, registration_token_file)
    if token_path:
        click.echo(f"registration token: in {token_path}", err=True)
    settings = ServerSettings(
        host,
        port,
        database,
        files_dir,
        token,
        public_url,
        anonymous_notes=not no_anonymous_notes,
        max_requests=max_requests,
        index_delay=IndexDelay.parse(index_delay),
        tls_certificate=tls_certificate,
        tls_key=tls_key,
        insecure_public_http=insecure_public_http,
        cors_origins=cors_origins,
        backup_public_keys=backup_public_keys,
    )
    process.serve(settings)
