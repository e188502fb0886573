"""Sharing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import msgspec

from e3db_connectors.cli import options, output

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("record_type", type=options.text)
@click.argument("reader_id", type=options.text)
@click.option(
    "--reader-public-key", type=options.text, help="The reader's public key, from elsewhere; without it the server vouches for it."
)
@options.credentials
@options.as_json("an object with record_type, reader_id and may_read")
def share(
    record_type: str,
    reader_id: str,
    reader_public_key: str | None,
    profile: str | None,
    credentials_file: Path | None,
    json_: bool,
) -> None:
    """Let a client read all records of a type, those to come, too."""
    with options.client_of(profile, credentials_file) as client:
        client.share(record_type, reader_id, reader_public_key=reader_public_key)
    _tell(record_type, reader_id, may_read=True, json_=json_)


@click.command()
@click.argument("record_type", type=options.text)
@click.argument("reader_id", type=options.text)
@options.credentials
@options.as_json("an object with record_type, reader_id and may_read")
def revoke(record_type: str, reader_id: str, profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Take back what share gave. What the reader has kept stays readable for it."""
    with options.client_of(profile, credentials_file) as client:
        client.revoke(record_type, reader_id)
    _tell(record_type, reader_id, may_read=False, json_=json_)


@click.command()
@options.credentials
@options.as_json("an object with outgoing and incoming, each a list")
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


def _tell(record_type: str, reader_id: str, *, may_read: bool, json_: bool) -> None:
    if json_:
        output.line({"record_type": record_type, "reader_id": reader_id, "may_read": may_read})
    else:
        may = "may" if may_read else "may no longer"
        click.echo(f"{output.printable(reader_id)} {may} read records of type {output.printable(record_type)}")
