"""Exporting records to a file."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from e3db_connectors.cli import options
from e3db_connectors.errors import LocalFileError, UsageError

if TYPE_CHECKING:
    from e3db_connectors.sync.report import Report


@click.command()
@click.argument("record_type", type=options.text)
@click.option(
    "--to",
    "destination",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to make: .jsonl, .csv or .parquet. It appears when it is complete, readable by you alone.",
)
@click.option(
    "--state",
    "state_file",
    type=click.Path(path_type=Path),
    help="Where to keep the state. If it is there, only what has changed since is exported.",
)
@click.option("--since", help="Only what was changed at or after this time, such as 2026-03-04T05:06:07Z or 2026-03-04.")
@click.option("--until", help="Only what was changed before this time.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    type=options.text,
    help="Only this column, and the record's id; may be repeated. Others are not decrypted.",
)
@click.option("--policy", "policy_file", type=click.Path(path_type=Path), help="File with rules on columns, JSON or YAML.")
@click.option("--pseudonym-key-file", type=click.File(), help="File with the key of pseudonyms; without it E3DB_PSEUDONYM_KEY counts.")
@click.option(
    "--unknown-fields",
    type=click.Choice(["json_column", "drop", "error"]),
    default="json_column",
    show_default=True,
    help="Fields that are in no schema: into the column _extra, nowhere, or an error.",
)
@click.option("--all-writers", is_flag=True, help="Also what others have shared with this client.")
@click.option(
    "--record-ids-file",
    type=click.Path(path_type=Path),
    help="Exactly the records that this file names: a dead-letter file, or an id a line.",
)
@click.option(
    "--on-error",
    type=click.Choice(["fail", "skip", "dead-letter"]),
    default="fail",
    show_default=True,
    help="A record that does not open or does not fit: end, leave it out and tell, or note it in --dead-letter-file as well.",
)
@click.option("--max-errors", type=click.IntRange(min=0), default=100, show_default=True, help="More such records end the export anyway.")
@click.option(
    "--dead-letter-file",
    type=click.Path(path_type=Path),
    help="Where to add the ids of such records, and classes of errors, never a value.",
)
@click.option("--overwrite", is_flag=True, help="Replace the file if it is there.")
@click.option(
    "--progress", type=click.Choice(["none", "log", "bar"]), default="none", show_default=True, help="What to show on standard error."
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write the run's report, JSON, here; - for standard output.",
)
@options.credentials
def export(
    destination: Path,
    policy_file: Path | None,
    pseudonym_key_file: Any,
    progress: str,
    report_file: Path | None,
    profile: str | None,
    credentials_file: Path | None,
    since: str | None,
    until: str | None,
    columns: tuple[str, ...],
    record_ids_file: Path | None,
    on_error: str,
    max_errors: int,
    dead_letter_file: Path | None,
    **rest: Any,
) -> None:
    """Decrypt the records of a type into a file.

    With --state, run it again for what has changed since, each time into a new file.
    """
    from e3db_connectors.cli import output
    from e3db_connectors.policy import Policy, pseudonymiser
    from e3db_connectors.sync.export import Export
    from e3db_connectors.sync.progress import progress_named
    from e3db_connectors.sync.reading.failures import RecordFailures, record_ids

    written = {"the export": destination, "the report": report_file, "the list of dead letters": dead_letter_file}
    _keep_apart(written, rest["state_file"], record_ids_file)
    shown = progress_named(progress)
    if progress == "log":
        _log_to_stderr()
    policy = Policy.from_file(policy_file) if policy_file else Policy()
    maker = pseudonymiser(pseudonym_key_file.read().strip() if pseudonym_key_file else None)
    # Ended from outside, it ends as on an error: nothing that was decrypted stays behind.
    signal.signal(signal.SIGTERM, lambda signum, _frame: sys.exit(128 + signum))
    start, end = options.window(since, until)
    with options.client_of(profile, credentials_file) as client:
        report = Export(
            client=client,
            destination=destination,
            since=start,
            until=end,
            columns=columns or None,
            policy=policy,
            pseudonymiser=maker,
            record_ids=record_ids(record_ids_file) if record_ids_file else None,
            failures=RecordFailures(on_error.replace("-", "_"), max_errors, dead_letter_file),
            progress=shown,
            **rest,
        ).run()
    _tell(report, report_file, destination)
    if not (report.rows or report.errors or report.state_before or since or until or record_ids_file):
        whose = "that this client may read" if rest["all_writers"] else "of this client (--all-writers also reads what others share)"
        click.echo(f"there is no record of type {output.printable(report.record_type)} {whose}; is the name right?", err=True)


def _keep_apart(written: dict[str, Path | None], *others: Path | None) -> None:
    """Refuse to write two things into one file, or over one that is read."""
    taken = {path.resolve() for path in others if path}
    for what, path in written.items():
        if path and path.resolve() in taken:
            raise UsageError(f"{what} needs a file of its own")
        if path:
            taken.add(path.resolve())


def _tell(report: Report, path: Path | None, destination: Path) -> None:
    from e3db_connectors.cli import output

    if path == Path("-"):
        click.echo(report.to_json(), nl=False)
        return
    if path:
        try:
            path.write_text(report.to_json(), encoding="utf-8")
        except OSError as exc:
            raise LocalFileError(f"the export is complete, but its report cannot be written to {path}: {exc.strerror}") from None
    left_out = sum(report.errors.values())
    click.echo(f"wrote {report.rows} records to {output.printable(str(destination))}" + (f", left out {left_out}" if left_out else ""))


def _log_to_stderr() -> None:
    import logging

    logging.basicConfig(format="%(levelname)s %(message)s")
    logging.getLogger("e3db_connectors").setLevel(logging.INFO)
