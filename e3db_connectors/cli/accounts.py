"""Registering, and looking at oneself."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

import click

from e3db_connectors.cli import options, output
from e3db_connectors.errors import BackupFailed, ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.option("--api-url", envvar="E3DB_API_URL", help="Where the server is.  [default: the hosted service]")
@click.option("--name", required=True, type=options.text, help="A name for the new client; those it shares with will see it.")
@click.option("--token-file", required=True, type=click.File(), help="File with the registration token; - for standard input.")
@click.option("--crypto-suite", type=click.Choice(["sodium", "nist"]), help="Cipher suite.  [default: sodium, or CRYPTO_SUITE]")
@click.option("--backup", is_flag=True, help="Let the owner of the account restore the client's keys.")
@options.credentials
@options.as_json("an object with client_id, api_url, crypto_suite and credentials_file")
def register(
    api_url: str | None,
    name: str,
    token_file: TextIO,
    crypto_suite: str | None,
    backup: bool,
    profile: str | None,
    credentials_file: Path | None,
    json_: bool,
) -> None:
    """Register a client under new keys, and keep its credentials in a new file."""
    from e3db_connectors.client import Client, config, profiles

    path = credentials_file or profiles.profile_path(profile)
    try:
        token = token_file.read().strip()
    except UnicodeDecodeError:
        raise ConfigError("the registration token file is no text") from None
    failure = None
    with profiles.reserved(path) as file:  # before the client exists: its keys must not be lost for want of a place
        try:
            made = Client.register(token, name, api_url=api_url or config.DEFAULT_API_URL, crypto_suite=crypto_suite, backup=backup)
        except BackupFailed as exc:
            made, failure = exc.details, exc
        file.write(made.config.to_json())
    if json_:
        output.line(
            {"client_id": made.client_id, "api_url": made.api_url, "crypto_suite": made.crypto_suite, "credentials_file": str(path)}
        )
    else:
        shown = output.printable(str(path))
        click.echo(f"registered {made.client_id}; its credentials are in {shown}: keep them, nobody else has the keys")
    if failure:
        raise failure


@click.command()
@options.credentials
@options.as_json("an object with client_id, api_url, crypto_suite, public_key, public_signing_key and can_sign")
def whoami(profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Show which client the credentials are for; no secrets."""
    config = options.config_of(profile, credentials_file)
    values = {
        "client_id": config.client_id,
        "api_url": config.api_url,
        "crypto_suite": config.crypto_suite,
        "public_key": config.public_key,
        "public_signing_key": config.public_signing_key,
        "can_sign": bool(config.private_signing_key),
    }
    (output.line if json_ else output.facts)(values)


@click.command()
@options.credentials
@click.option("--no-write", is_flag=True, help="Leave out the check that writes, reads and deletes a record.")
@options.as_json("a list of objects with check, ok, detail and hint")
def doctor(profile: str | None, credentials_file: Path | None, no_write: bool, json_: bool) -> None:
    """Check credentials, server, clock, sign-in, keys and a round trip, and say how to mend what fails.

    It ends with 1 if anything fails. What a failure makes pointless is not checked any more.
    """
    from e3db_connectors.client.doctor import examine

    findings = []
    for finding in examine(lambda: options.found(profile, credentials_file), write=not no_write):
        findings.append(finding)
        if not json_:
            click.echo(f"{'ok    ' if finding.ok else 'failed'}  {finding.check}: {output.printable(finding.detail)}")
            if finding.hint:
                click.echo(f"        {output.printable(finding.hint)}")
    if json_:
        output.line([asdict(finding) for finding in findings])
    sys.exit(0 if all(finding.ok for finding in findings) else 1)
