"""Opening key backups, for the owner of a server."""

from __future__ import annotations

from pathlib import Path

import click

from e3db_connectors.cli import output, server_database, server_options
from e3db_connectors.errors import ConfigError, EncodingError


@click.command("backup-client")
@server_options.database
@click.option(
    "--private-key-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the private key of a --backup-public-key of the server.",
)
@click.option("--api-url", default="http://127.0.0.1:8400", show_default=True, help="Address of the server.")
@click.argument("credentials_file", type=click.Path(dir_okay=False, path_type=Path))
def backup_client(database: str, private_key_file: Path, api_url: str, credentials_file: Path) -> None:
    """Write credentials of the backup client: they read the key backups that are sealed for a key of yours.

    Its API secret is new; credentials that were written before sign in no more.
    """
    from e3db_connectors.client import Config
    from e3db_connectors.client.profiles import reserved
    from e3db_connectors.server.store import backup_client as store

    keys = _read(private_key_file)
    existing = server_database.existing(database)
    # In this order the file is kept if the transaction is, and the other way round.
    with server_database.opened(existing) as opened, reserved(credentials_file) as file, opened.write() as connection:
        account = store.renew(connection, opened.backup_client_id)
        file.write(Config.from_mapping({**account, **keys, "version": "1", "api_url": api_url}).to_json())
        file.flush()
        current = keys["public_key"] in store.keys_of(connection, opened.backup_client_id).values()
    click.echo(f"credentials: {output.printable(str(credentials_file))}")
    if not current:
        click.echo("the server does not seal backups for this key now: only those from when it did can be opened", err=True)


def _read(path: Path) -> dict[str, str]:
    """The private key of a file, of whichever suite, with its public half."""
    from e3db_connectors.crypto import suites
    from e3db_connectors.crypto.redacted import SecretText

    try:
        private_key = SecretText(path.read_text(encoding="ascii").strip())
    except OSError as exc:
        raise ConfigError(f"cannot read {path}: {exc.strerror}") from None
    except UnicodeDecodeError:
        private_key = SecretText("")
    for name in suites.NAMES:
        try:
            return {"crypto_suite": name, "private_key": private_key, "public_key": suites.suite_named(name).public_key_of(private_key)}
        except EncodingError:
            continue
    raise ConfigError(f"{path} holds no private key")
