"""What a search asks for: a type, of all readable writers or some, in a span of time (design section 4.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from e3db_connectors.sync.reading.windows import MILLISECOND
from e3db_connectors.wire import times
from e3db_connectors.wire.search import Condition, Params, Range, RangeKey, SearchRequest, Strategy, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

PREFIX_MAX: Final = 3
"""Digits of record ids by which a crowd is split: 4,096 parts."""

_DIGITS: Final = "0123456789abcdef"
_SPECIAL: Final = re.compile(r"[*?\\]")


@dataclass(frozen=True)
class Question:
    """What is asked for, but for the time.

    Args:
        record_type: The type.
        all_writers: Others' records, too.
        include_data: The sealed data, too.
        writers: Only of these; None: of all in scope.
        prefix: Only records whose ids begin so.
    """

    record_type: str
    all_writers: bool = False
    include_data: bool = True
    writers: tuple[str, ...] | None = None
    prefix: str = ""

    def request(self, start: datetime, end: datetime | None, *, limit: int, token: int = 0) -> SearchRequest:
        """A page of what was changed in ``[start, end)``, padded, for the bounds of the hosted index are not known exactly."""
        return SearchRequest(
            limit=limit,
            next_token=token,
            include_data=self.include_data,
            include_all_writers=self.all_writers,
            match=[self._params(writer) for writer in self.writers or (None,)],
            range=Range(
                range_key=RangeKey.MODIFIED,
                after=times.render(max(start - MILLISECOND, times.EPOCH)),
                before=None if end is None else times.render(end + MILLISECOND),
            ),
        )

    def parts(self, writers: Sequence[str]) -> list[Question]:
        """Questions that together ask for the same: one for each writer, or, of one writer, one for each first digit of ids.

        Returns:
            Nothing if there is no finer question.
        """
        several = self.writers or (tuple(writers) if self.all_writers else ())
        if len(several) > 1:
            return [replace(self, writers=(writer,)) for writer in several]
        return [replace(self, prefix=self.prefix + digit) for digit in _DIGITS] if len(self.prefix) < PREFIX_MAX else []

    def _params(self, writer: str | None) -> Params:
        writer_ids = [writer] if writer else None
        if not self.prefix:
            return Params(Terms(writer_ids=writer_ids, content_types=[self.record_type]), condition=Condition.AND)
        escaped = _SPECIAL.sub(r"\\\g<0>", self.record_type)
        terms = Terms(writer_ids=writer_ids, content_types=[escaped], record_ids=[f"{self.prefix}*"])
        return Params(terms, condition=Condition.AND, strategy=Strategy.WILDCARD)
