"""Reading, writing and finding records."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

import click

from e3db_connectors.cli import options, output
from e3db_connectors.errors import UsageError, WindowExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from e3db_connectors.client import Client, Search
    from e3db_connectors.wire.records import Record


@click.command()
@click.argument("record_id", type=options.text)
@click.option("--field", "fields", multiple=True, type=options.text, help="Only this field; may be repeated. Others are not decrypted.")
@options.credentials
@options.as_json("an object with meta and data")
def read(record_id: str, fields: tuple[str, ...], profile: str | None, credentials_file: Path | None, json_: bool) -> None:
    """Read and decrypt a record."""
    with options.client_of(profile, credentials_file) as client:
        output.record(client.read(record_id, fields or None), json_=json_)


@click.command()
@click.argument("record_type", type=options.text)
@click.option(
    "--data-file", type=click.File(), default="-", help="File with a JSON object of texts, to encrypt.  [default: standard input]"
)
@options.plain
@click.option("--operation-id", type=options.text, help="A name for this write: written again under the same name, nothing is doubled.")
@options.credentials
@options.as_json("an object with meta")
def write(
    record_type: str,
    data_file: TextIO,
    plain: tuple[str, ...],
    operation_id: str | None,
    profile: str | None,
    credentials_file: Path | None,
    json_: bool,
) -> None:
    """Encrypt and write a record.

    What is to be encrypted comes from a file or standard input and never as an argument: others can see those.
    """
    try:
        data: Any = json.load(data_file)
    except (ValueError, RecursionError):
        raise UsageError("the data is no JSON") from None
    if not isinstance(data, dict):
        raise UsageError("the data must be a JSON object of texts")
    with options.client_of(profile, credentials_file) as client:
        written = client.write(record_type, data, options.members(plain), operation_id=operation_id)
        output.record(written, json_=json_, data=False)


@click.command()
@click.option("--type", "types", multiple=True, type=options.text, help="A record type; may be repeated.")
@options.plain
@click.option("--all-writers", is_flag=True, help="Also what others have shared with this client.")
@click.option("--data", is_flag=True, help="Decrypt and print the data, too.")
@click.option("--since", help="Not before this time, such as 2026-03-04T05:06:07Z or 2026-03-04.")
@click.option("--until", help="Before this time.")
@click.option("--modified", is_flag=True, help="Let --since and --until go by the last change instead of the creation.")
@click.option("--limit", type=click.IntRange(1), help="At most so many records.")
@options.credentials
@options.as_json("an object a line, with meta and, if asked for, data")
def search(
    types: tuple[str, ...],
    plain: tuple[str, ...],
    all_writers: bool,
    data: bool,
    since: str | None,
    until: str | None,
    modified: bool,
    limit: int | None,
    profile: str | None,
    credentials_file: Path | None,
    json_: bool,
) -> None:
    """Find records that have one of the types, and all of the plain members."""
    from e3db_connectors.client import Search

    query = Search(include_data=data, include_all_writers=all_writers, count=min(limit or 1000, 1000))
    start, end = options.window(since, until)
    query.range(key="MODIFIED" if modified else "CREATED", start=start, end=end)
    members = options.members(plain)
    for record_type in types or (None,):
        if record_type or members:
            query.match(condition="AND", record_types=record_type, plain=members)
    with options.client_of(profile, credentials_file) as client:
        found = _pages(client, query, limit)
        if json_ or data:
            for number, record in enumerate(found):
                if number and not json_:
                    click.echo()
                output.record(record, json_=json_, data=data)
        else:
            rows = [(r.meta.record_id, r.meta.record_type, r.meta.last_modified, r.meta.plain or {}) for r in found]
            output.table(("record_id", "type", "last_modified", "plain"), rows)


def _pages(client: Client, query: Search, limit: int | None) -> Iterator[Record]:
    """Up to *limit* records; without one, all there are, or an error if they cannot all be fetched."""
    if limit is None:
        return client.search_all(query)
    return islice(_following(client, query), limit)


def _following(client: Client, query: Search) -> Iterator[Record]:
    while True:
        page = client.search(query)
        yield from page
        if not page.next_token:
            if query.next_token + len(page) < page.total_results:
                raise WindowExceeded(
                    f"there are {page.total_results} records, and only the first ones can be fetched: search by ranges of time"
                )
            return
        query.next_token = page.next_token
