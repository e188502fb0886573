"""The commands, and how they end."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from e3db_connectors.cli import accounts, dbt_sources, export, files, output, records, repair, server, server_tokens, sharing
from e3db_connectors.errors import E3DBError


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a reader of the output who has seen enough is no error, though to click it is one."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            _give_up_output()
            ctx.exit(0)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="e3db-connectors")
def commands() -> None:
    """Move end-to-end encrypted E3DB records."""


for _command in (
    server.serve,
    server_tokens.server,
    accounts.register,
    accounts.whoami,
    accounts.doctor,
    records.read,
    records.write,
    records.search,
    repair.repair_keys,
    sharing.share,
    sharing.revoke,
    sharing.shares,
    files.files,
    export.export,
    dbt_sources.dbt_sources,
):
    commands.add_command(_command)


def main() -> None:
    """Run a command; an error of ours, or of the disk that the output goes to, becomes one line on stderr."""
    try:
        commands()
    except E3DBError as exc:
        _fail(str(exc))
    except OSError as exc:
        _give_up_output()
        _fail(exc.strerror or "the output cannot be written")


def _give_up_output() -> None:
    """Write nothing more, not even what the interpreter would flush at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(words: str) -> None:
    print(f"e3db-connectors: {output.printable(words)}", file=sys.stderr)  # noqa: T201 - the command's own voice
    sys.exit(1)
