"""Sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from e3db_connectors.cli import options, output

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("record_type")
@click.argument("reader_id")
@click.option("--reader-public-key", help="The reader's public key, from elsewhere; without it the server vouches for it.")
@options.credentials
def share(record_type: str, reader_id: str, reader_public_key: str | None, profile: str | None, credentials_file: Path | None) -> None:
    """Let a client read all records of a type, those to come, too."""
    with options.client_of(profile, credentials_file) as client:
        client.share(record_type, reader_id, reader_public_key=reader_public_key)
    click.echo(f"{reader_id} may read records of type {output.printable(record_type)}")


@click.command()
@click.argument("record_type")
@click.argument("reader_id")
@options.credentials
def revoke(record_type: str, reader_id: str, profile: str | None, credentials_file: Path | None) -> None:
    """Take back what share gave. What the reader has kept stays readable for it."""
    with options.client_of(profile, credentials_file) as client:
        client.revoke(record_type, reader_id)
    click.echo(f"{reader_id} may no longer read records of type {output.printable(record_type)}")


@click.command()
@options.credentials
@options.as_json
def shares(profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """List what this client shares, and what is shared with it."""
    with options.client_of(profile, credentials_file) as client:
        outgoing, incoming = client.outgoing_sharing(), client.incoming_sharing()
    if json_:
        output.line({"outgoing": msgspec.to_builtins(outgoing), "incoming": msgspec.to_builtins(incoming)})
        return
    rows = [("to", each.reader_id, each.reader_name, each.record_type) for each in outgoing]
    rows += [("from", each.writer_id, each.writer_name, each.record_type) for each in incoming]
    output.table(("", "client", "name", "type"), rows)
