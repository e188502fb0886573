"""Which secrets the rows of a type are keyed with: a wrong one would silently double the table (design section 4.7).

The schema record of a stream names, in its plain member `schemas.KEY_IDS`, the ids of all secrets that its rows may be keyed with. It is
read at the start of every run anyway. Only where it does not answer the question, the rows themselves are asked: all of them, for
a search index that lags could miss some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from e3db_connectors.crypto.blind_index import kid_of
from e3db_connectors.errors import WrongKeySecret
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from e3db_connectors.client import Client


def admit(client: Client, record_type: str, named: Collection[str], ours: Collection[str]) -> None:
    """Let a writer begin whose secrets have the ids *ours*, if rows are keyed with no others.

    Args:
        client: Whose rows they are.
        record_type: Their type.
        named: What the schema record names.
        ours: The id of the writer's secret, and of the one before during a rotation.

    Raises:
        WrongKeySecret: There are rows that this writer would not find.
    """
    if named and set(named) <= set(ours):
        return
    for kid in _kids_in_use(client, record_type):
        if kid not in ours:
            raise _wrong(record_type, kid, "there are rows of it that are keyed with another one")


def require(record_type: str, named: Collection[str], ours: Collection[str]) -> None:
    """Stop if somebody with another secret has begun at the same time.

    Raises:
        WrongKeySecret: Somebody has.
    """
    others = sorted(set(named) - set(ours))
    if others:
        raise _wrong(record_type, others[0], "another process has just begun to write it with another one")


def _wrong(record_type: str, kid: str, what: str) -> WrongKeySecret:
    return WrongKeySecret(
        f"key_secret is not the one of type {record_type!r}: {what} (its id is {kid}). Set key_secret to that one, "
        "or key_secret_previous to move its rows to a new one"
    )


def _kids_in_use(client: Client, record_type: str) -> Iterator[str]:
    """The ids of the secrets of all rows, each when it is met first."""
    met = set()
    request = QueryRequest(include_data=False, writer_ids=[client.client_id], content_types=[record_type])
    for page in client.query_pages(request):
        for result in page:
            kid = kid_of((result.meta.plain or {}).get(ROW_KEY, ""))
            if kid is not None and kid not in met:
                met.add(kid)
                yield kid
