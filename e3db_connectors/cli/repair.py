"""Doubles of keyed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from e3db_connectors.cli import options, output

if TYPE_CHECKING:
    from pathlib import Path

    from e3db_connectors.sync.writing import Repair


@click.command("repair-keys")
@click.argument("record_type", type=options.text)
@options.credentials
@options.as_json("an object a line with key, kept, removed, rewritten and error")
def repair_keys(record_type: str, profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Make one record of those that two runs of target-e3db have written for one row.

    The oldest stays, with the values that were written last. Reads the meta of all own records of the type; runs that write
    may go on meanwhile.
    """
    from e3db_connectors.sync.writing import repair_keys as repairs

    found = left = removed = 0
    with options.client_of(profile, credentials_file) as client:
        for repair in repairs(client, record_type):
            _tell(repair, json_=json_)
            found += 1
            left += repair.error is not None
            removed += len(repair.removed)
    if not json_:
        click.echo(f"{_many(found, 'key')} with several records, {left} of them left as they are; {_many(removed, 'record')} removed")
    if left:
        click.get_current_context().exit(1)


def _tell(repair: Repair, *, json_: bool) -> None:
    if json_:
        output.line(repair._asdict())
        return
    if repair.error is not None:
        what = f"left as it is ({repair.error})"
    else:
        values = "with newer values of another" if repair.rewritten else "as it was"
        what = f"{repair.kept or 'nothing'} stays {values}; removed: {', '.join(repair.removed)}"
    click.echo(output.printable(f"{repair.key}: {what}"))


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("s" if count != 1 else "")
