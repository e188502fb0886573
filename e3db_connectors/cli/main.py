"""The commands, and how they end."""

from __future__ import annotations

import os
import sys

import click

from e3db_connectors.cli import accounts, files, records, server, sharing
from e3db_connectors.errors import E3DBError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="e3db-connectors")
def commands() -> None:
    """Move end-to-end encrypted E3DB records."""


for _command in (
    server.serve,
    accounts.register,
    accounts.whoami,
    accounts.doctor,
    records.read,
    records.write,
    records.search,
    sharing.share,
    sharing.revoke,
    sharing.shares,
    files.files,
):
    commands.add_command(_command)


def main() -> None:
    """Run a command; an error of ours becomes one line on stderr."""
    try:
        commands()
    except E3DBError as exc:
        print(f"e3db-connectors: {exc}", file=sys.stderr)  # noqa: T201 - the command's own voice
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read the output has seen enough. Nothing more is to be written, not even at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
