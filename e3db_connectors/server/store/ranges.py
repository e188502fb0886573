"""The range of a search as conditions (protocol section 11.4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store.schema import records
from e3db_connectors.wire import times
from e3db_connectors.wire.search import RangeKey, TimeFormat

if TYPE_CHECKING:
    from datetime import tzinfo

    from sqlalchemy import ColumnElement

    from e3db_connectors.wire.search import Range

_FAR_SECONDS: Final = 10**12
"""Beyond every time that a record can have, and within the database's integers."""

_OFFSET: Final = re.compile(r"[+-]\d\d:[0-5]\d", re.ASCII)
_SECONDS: Final = re.compile(r"\s*-?\d{1,18}(\.\d{1,9})?\s*", re.ASCII)


def column(bounds: Range | None) -> ColumnElement[int]:
    """The time that a range, and with it the order, goes by."""
    key = (bounds and bounds.range_key) or RangeKey.CREATED
    if key not in RangeKey.__members__:
        raise Problem(400, "range_key must be CREATED or MODIFIED")
    return records.c.last_modified if key == RangeKey.MODIFIED else records.c.created


def conditions(bounds: Range | None) -> list[ColumnElement[bool]]:
    """What the range asks of a record: nothing if both its ends are open."""
    if bounds is None:
        return []
    time_format, zone, time = bounds.time_format or TimeFormat.ISO, _zone(bounds.time_zone), column(bounds)
    if time_format not in set(TimeFormat):
        raise Problem(400, "time_format must be Unix or ISO8601DateTime")
    after, before = (_instant(bound, time_format, zone) for bound in (bounds.after, bounds.before))
    return [*([] if after is None else [time >= after]), *([] if before is None else [time < before])]


def _instant(bound: str | float | None, time_format: str, zone: tzinfo) -> int | None:
    """Microseconds; a number is seconds whatever the format says, and so is a text of digits if it says that."""
    if isinstance(bound, str):
        if times.is_unset(bound):
            return None
        if time_format != TimeFormat.UNIX or not _SECONDS.fullmatch(bound):
            return times.to_micros(times.parse(bound, default_zone=zone))
        bound = float(bound)
    if bound is None:
        return None
    return round(max(-_FAR_SECONDS, min(bound, _FAR_SECONDS)) * 1_000_000)


def _zone(name: str | None) -> tzinfo:
    """What a time without an offset is in: a name of the IANA database, or an offset."""
    if not name:
        return UTC
    if name in _names():
        return ZoneInfo(name)
    try:
        found = datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo if _OFFSET.fullmatch(name) else None
    except ValueError:
        found = None
    if found is None:
        raise Problem(400, "time_zone must be a name such as America/Phoenix, or an offset such as -07:00")
    return found


@cache
def _names() -> set[str]:
    """Looked up once, and never opened before: some names that are none are folders, or files of other kinds."""
    return available_timezones()
