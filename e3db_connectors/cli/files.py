"""Large files."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from e3db_connectors.cli import options, output


@click.group()
def files() -> None:
    """Encrypt and upload large files, download and decrypt them."""


@files.command()
@click.argument("record_type", type=options.text)
@click.argument("path", type=click.Path(path_type=Path))
@options.plain
@options.credentials
@options.as_json("an object with meta")
def put(record_type: str, path: Path, plain: tuple[str, ...], profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Encrypt a file and upload it as a new record."""
    with options.client_of(profile, credentials_file) as client:
        output.record(client.write_file(record_type, path, options.members(plain)), json_=json_, data=False)


@files.command()
@click.argument("record_id", type=options.text)
@click.argument("path", type=click.Path(path_type=Path))
@options.credentials
@options.as_json("an object with record_id, path and file_meta")
def get(record_id: str, path: Path, profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Download a file and decrypt it to PATH; it appears there when all of it has been checked."""
    with options.client_of(profile, credentials_file) as client:
        file_meta = msgspec.to_builtins(client.read_file(record_id, path))
    file_meta.pop("file_url", None)  # it is a permission
    if json_:
        output.line({"record_id": record_id, "path": str(path), "file_meta": file_meta})
    else:
        click.echo(f"wrote {output.printable(str(path))}")
