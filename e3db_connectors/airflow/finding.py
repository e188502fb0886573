"""Which records are meant: the arguments that operators, sensor and trigger share, and the manifest of what they find."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import UUID

from e3db_connectors.airflow.transfers.windows import window_of
from e3db_connectors.client import Search
from e3db_connectors.client.arguments import Texts, require_text, texts
from e3db_connectors.errors import UsageError
from e3db_connectors.wire import limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.client import Client

Manifest = dict[str, Any]
"""Ids, times and counts: what may stand in an XCom, which Airflow keeps and shows in clear."""

LIMIT: Final = 1_000
"""Ids in a manifest: those of one request, which shows one moment."""


@dataclass(frozen=True, kw_only=True)
class RecordFilter:
    """What records have in common; all of it has to fit.

    Args:
        record_type: Their type.
        plain: Members that the server can see, with their values.
        writers: Ids of their writers; any of them.
        all_writers: Also what others have shared with the client.
        since: Last modified at or after this time.
        until: Last modified before this time.
    """

    record_type: str
    plain: Mapping[str, str] | None = None
    writers: Texts = None
    all_writers: bool = False
    since: Any = None
    until: Any = None

    @classmethod
    def of(cls, task: Any) -> Self:
        """What a task asks for: its attributes of these names."""
        return cls(**{field.name: getattr(task, field.name) for field in fields(cls)})

    def search(self, count: int) -> Search:
        """The search for them, in the order of their last change.

        Raises:
            UsageError: A member is no text, a bound no time, or the window between them empty.
        """
        if not self.record_type:
            raise UsageError("record_type is empty")
        window = window_of(self.since, self.until)
        plain = {} if self.plain is None else self.plain
        require_text(plain, "plain")
        writers: list[str | None] = [*ids(self.writers, "writers")]
        search = Search(include_all_writers=self.all_writers or bool(writers), count=count)
        for writer in writers or [None]:
            search.match(condition="AND", record_types=self.record_type, writers=writer, plain=plain)
        return search.range(key="MODIFIED", start=window.since, end=window.until)


def ids(values: Texts, what: str) -> list[str]:
    """Ids, each once; a text that a template has made of a list is none.

    Raises:
        UsageError: One is no id.
    """
    try:
        return list(dict.fromkeys(str(UUID(each)) for each in texts(values)))
    except ValueError as exc:
        if isinstance(exc, UsageError):
            raise
        raise UsageError(
            f"{what} holds something that is no id; if it comes out of a template, let the DAG have render_template_as_native_obj=True"
        ) from None


def find(client: Client, wanted: RecordFilter, limit: int) -> Manifest:
    """Ids and versions of the records, up to *limit*, and how many there are; nothing is decrypted.

    Raises:
        UsageError: The limit is out of range; also what `RecordFilter.search` raises.
    """
    if not 1 <= limit <= LIMIT:
        raise UsageError(f"limit must be from 1 to {LIMIT}")
    page = client.search(wanted.search(limit))
    metas = [record.meta for record in page]
    return {
        "record_type": wanted.record_type,
        "total": page.total_results,
        "complete": len(metas) == page.total_results < limits.SEARCH_WINDOW,
        "record_ids": [meta.record_id for meta in metas],
        "versions": {meta.record_id: meta.version for meta in metas},
        "last_modified": max((meta.last_modified for meta in metas), default=None),
    }


def is_there(client: Client, wanted: RecordFilter, count: int) -> bool:
    """Whether there are so many records, or more."""
    return client.search(wanted.search(1)).total_results >= count
