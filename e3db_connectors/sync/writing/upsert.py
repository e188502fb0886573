"""Writing one row: its record is created, updated or left, and in the end there is one (design section 4.7)."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import msgspec

from e3db_connectors.errors import Conflict, E3DBError, Forbidden, NotFound, OutcomeUnknown
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.sync.schemas import SCHEMA_NUMBER
from e3db_connectors.sync.writing.outcomes import CREATED, UNCHANGED, UPDATED, Written
from e3db_connectors.wire.records import OPERATION_MEMBER, Record

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.sync.schemas import StreamSchemas
    from e3db_connectors.sync.writing.lookup import Lookup
    from e3db_connectors.sync.writing.outcomes import Item
    from e3db_connectors.wire.records import EncryptedRecord, Result

ATTEMPTS: Final = 10
"""How often a row is tried whose record somebody else changes at the same time, or whose answer got lost."""

_PAUSE_SECONDS: Final = 0.01
_PAUSE_MAX: Final = 0.5


class Upserter:
    """Writes single rows of a stream; several threads may share one.

    Args:
        client: Who writes.
        record_type: The records' type.
        lookup: What finds them.
        schemas: All schemas of the type.
        number: The number of the one that the rows follow.
        plain_columns: Columns that also stay in clear.
    """

    def __init__(
        self,
        client: Client,
        record_type: str,
        lookup: Lookup,
        schemas: StreamSchemas,
        number: str,
        *,
        plain_columns: Collection[str] = (),
    ) -> None:
        """Nothing is sent yet."""
        self._client, self._record_type, self._lookup = client, record_type, lookup
        self._schemas, self._number, self._plain_columns = schemas, number, plain_columns

    def append(self, item: Item) -> Written:
        """Write a row without a key: a record of its own, made once even if the answer gets lost."""
        plain, operation = {**item.plain, SCHEMA_NUMBER: self._number}, str(uuid4())
        try:
            record = self._client.write(self._record_type, item.data, plain | {OPERATION_MEMBER: operation})
        except OutcomeUnknown:
            record = self._client.write(self._record_type, item.data, plain, operation_id=operation)
        return Written(CREATED, record.meta.record_id)

    def write(self, item: Item, found: Sequence[Result]) -> Written:
        """Write a row, by what a look-up of its key has found.

        After a create, a further look-up has to show whether somebody else has created one, too: see `settle`.

        Raises:
            Conflict: Others changed the record at each attempt.
            OutcomeUnknown: All answers got lost.
            IntegrityError: The record that is there does not open.
        """
        return self._until_done(item, found, None)

    def unchanged(self, item: Item, found: Sequence[Result]) -> Written | None:
        """What becomes of a row whose one record holds it already; None if there is something to do, or to complain about."""
        if len(found) != 1:
            return None
        try:
            known = self._client.open(found[0])
        except E3DBError:
            return None
        return Written(UNCHANGED, known.meta.record_id) if self._holds(known, item, self._plain(item)) else None

    def settle(self, item: Item, created: Written) -> Written:
        """Leave one record of a key of which there are several, after we have created one of them.

        If ours is not the one that stays, its values go there, and it goes.
        """
        return self._until_done(item, self._look_up(item), created.record_id)

    def _until_done(self, item: Item, found: Sequence[Result], mine: str | None) -> Written:
        failure: E3DBError
        done: Written | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                pause(attempt)
                found = self._look_up(item)
            try:
                done = _stronger(done, self._put(item, found, mine))
                discard(self._client, found[1:])
                return done
            except (Conflict, NotFound) as exc:
                failure = exc
            except Forbidden as exc:  # what some servers say of a record that is gone
                if not found:
                    raise
                failure = exc
            except OutcomeUnknown as exc:
                failure = exc
                ours = _stored_as_sent(self._look_up(item), exc.sent)
                if ours is not None and not found:
                    mine = ours
                elif ours is not None:
                    done = _stronger(done, Written(UPDATED, ours))
        raise failure

    def _put(self, item: Item, found: Sequence[Result], mine: str | None) -> Written:
        """Have one record hold the row: the one that stays of those that there are, or a new one."""
        plain = self._plain(item)
        if mine is not None and (not found or found[0].meta.record_id == mine):
            return Written(CREATED, mine)  # not found: somebody has deleted it since, which is no reason to make it anew
        if not found:
            return Written(CREATED, self._client.write(self._record_type, item.data, plain).meta.record_id)
        known = self._client.open(found[0])
        if self._holds(known, item, plain):
            return Written(UNCHANGED, known.meta.record_id)
        others = {name: text for name, text in (known.meta.plain or {}).items() if name not in self._plain_columns}
        meta = msgspec.structs.replace(known.meta, plain={**others, **plain})
        self._client.update(Record(meta, item.data))
        return Written(UPDATED, meta.record_id)

    def _plain(self, item: Item) -> dict[str, str]:
        return {**item.plain, ROW_KEY: item.key.index if item.key else "", SCHEMA_NUMBER: self._number}

    def _holds(self, known: Record, item: Item, plain: dict[str, str]) -> bool:
        """Whether a record already is what it is to become."""
        stored = known.meta.plain or {}
        return (
            known.data == item.data
            and stored.get(ROW_KEY) == plain[ROW_KEY]
            and {name: stored[name] for name in self._plain_columns if name in stored} == item.plain
            and self._schemas.read_alike(stored.get(SCHEMA_NUMBER, ""), self._number, item.data)
        )

    def _look_up(self, item: Item) -> Sequence[Result]:
        return self._lookup.find([item.key]).get(item.key.index, ()) if item.key else ()


def pause(attempt: int) -> None:
    """Wait before a further attempt, so that rivals do not meet again."""
    time.sleep(random.uniform(0, min(_PAUSE_MAX, _PAUSE_SECONDS * 2**attempt)))  # noqa: S311 - keeps rivals apart, guards nothing


def discard(client: Client, doubles: Sequence[Result]) -> None:
    """Delete records whose values are safe in another one.

    Raises:
        Conflict: Somebody has changed one since it was looked at.
    """
    for result in doubles:
        with suppress(NotFound, Forbidden):  # gone already; the original says so by 403
            client.delete(result.meta.record_id, result.meta.version)


def _stored_as_sent(found: Sequence[Result], sent: EncryptedRecord | None) -> str | None:
    """The record that is what we have sent: the nonces of its quads are random, so nobody else can have made it."""
    return next((result.meta.record_id for result in found if sent and result.record_data == sent.data), None)


def _stronger(before: Written | None, now: Written) -> Written:
    """What has been done in all, over several attempts."""
    return now if before is None or before.outcome == UNCHANGED else Written(before.outcome, now.record_id)
