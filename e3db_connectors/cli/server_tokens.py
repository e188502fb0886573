"""Tokens that register clients with a server of one's own."""

from __future__ import annotations

import re
from typing import Final

import click

from e3db_connectors.cli import output, server_backup, server_database, server_options
from e3db_connectors.errors import UsageError

_SECONDS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NOTE_MAX: Final = 200
_USES_MAX: Final = 2**31 - 1


def _micros(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """``7d`` or ``12h`` in microseconds."""
    if value is None:
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,3})([mhdw])", value, re.ASCII)
    if not match:
        raise click.BadParameter("a duration is a number from 1 to 9999 and m, h, d or w: 30m, 12h, 7d")
    return int(match[1]) * _SECONDS[match[2]] * 1_000_000


@click.group()
def server() -> None:
    """Look after a server of your own."""


server.add_command(server_backup.backup_client)


@server.command()
def openapi() -> None:
    """Print the description of the server's API, as OpenAPI 3.1; a running server has it at /openapi.json."""
    import msgspec

    from e3db_connectors.server.app import ROUTES
    from e3db_connectors.server.openapi import describe

    click.echo(msgspec.json.format(msgspec.json.encode(describe(ROUTES))))


@server.group()
def token() -> None:
    """Tokens that register clients; the one that the server was started with registers any number and is not among them."""


@token.command()
@server_options.database
@click.option("--uses", type=click.IntRange(1, _USES_MAX), help="How many clients it may register.  [default: any number]")
@click.option(
    "--expires", callback=_micros, metavar="DURATION", help="How long it is good, such as 7d or 12h.  [default: until it is revoked]"
)
@click.option("--note", default="", help="What it is for; `list` shows it.")
def create(database: str, uses: int | None, expires: int | None, note: str) -> None:
    """Make a token and print it, this once: the server keeps only a hash."""
    from e3db_connectors.server.store import registrations

    if len(note) > _NOTE_MAX or (note and not note.isprintable()):
        raise UsageError(f"a note has up to {_NOTE_MAX} printable characters")
    absent = server_database.absent_file(database)
    if absent:
        click.echo(f"a new database: {output.printable(absent)}", err=True)
    with server_database.opened(database) as opened:
        now = opened.clock.now()
        with opened.write() as connection:
            made = registrations.create(connection, now, uses, None if expires is None else now + expires, note)
    click.echo(made)


@token.command("list")
@server_options.database
@click.option("--json", "json_", is_flag=True, help="Print JSON for machines: an object a line for each token.")
def list_(database: str, json_: bool) -> None:
    """Show the tokens' ids and what is left of them; never a token."""
    from e3db_connectors.server.store import registrations

    with server_database.opened(server_database.existing(database)) as opened:
        now = opened.clock.now()
        with opened.read() as connection:
            found = registrations.every(connection)
    rows = [
        {
            "id": one.id,
            "state": one.state(now),
            "uses_left": one.uses_left,
            "expires_at": _time(one.expires_at),
            "created_at": _time(one.created_at),
            "note": one.note,
        }
        for one in found
    ]
    if json_:
        for row in rows:
            output.line(row)
        return
    head = ("ID", "STATE", "USES LEFT", "EXPIRES", "CREATED", "NOTE")
    empty = {"uses_left": "any", "expires_at": "never"}
    output.table(head, [[empty.get(name, "") if value is None else value for name, value in row.items()] for row in rows])


@token.command()
@server_options.database
@click.argument("token_id", metavar="ID")
def revoke(database: str, token_id: str) -> None:
    """Take a token back: it registers no client any more. Those it has registered stay."""
    from e3db_connectors.server.store import registrations

    with server_database.opened(server_database.existing(database)) as opened, opened.write() as connection:
        if not registrations.revoke(connection, token_id):
            raise UsageError("there is no token of this id; `list` shows them")
    click.echo(f"revoked {output.printable(token_id)}")


def _time(micros: int | None) -> str | None:
    from e3db_connectors.wire import times

    return None if micros is None else times.render(times.from_micros(micros))
