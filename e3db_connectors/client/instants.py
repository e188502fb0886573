"""Points in time as callers give them: datetimes with or without a zone, or seconds since the epoch."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from e3db_connectors.errors import InvalidTime
from e3db_connectors.wire import times

ZONES: Final = {"PST": -8, "MST": -7, "CST": -6, "EST": -5, "UTC": 0}
"""Zone names and their hours from UTC, all year round."""

_OFFSET: Final = re.compile(r"([+-])(\d\d):(\d\d)", re.ASCII)
_HOURS_MAX: Final = 23
_MINUTES_MAX: Final = 59


def instant(moment: datetime | float, *, zone: str | None = None, zone_offset: str | int | None = None) -> datetime:
    """A point in time, in UTC.

    Args:
        moment: A datetime, or seconds since the epoch.
        zone: What a datetime without a zone is in, by name, see `ZONES`; without it, UTC.
        zone_offset: The same by offset, as ``-07:00`` or in whole hours; it goes before `zone`.

    Raises:
        InvalidTime: One of them is no such thing.
    """
    assumed = _zone(zone, zone_offset)
    try:
        if isinstance(moment, datetime):
            return (moment if moment.tzinfo else moment.replace(tzinfo=assumed)).astimezone(UTC)
        return times.EPOCH + timedelta(seconds=moment)
    except TypeError:
        raise InvalidTime(f"a time is a datetime or seconds since the epoch, not {type(moment).__name__}") from None
    except (OverflowError, ValueError):
        raise InvalidTime("this time lies outside the years 1 to 9999") from None


def _zone(zone: str | None, offset: str | int | None) -> timezone:
    if offset is not None:
        return timezone(_parse_offset(offset))
    if zone is None:
        return UTC
    if zone not in ZONES:
        raise InvalidTime(f"zone must be one of {', '.join(ZONES)}; give zone_offset for any other")
    return timezone(timedelta(hours=ZONES[zone]))


def _parse_offset(offset: str | int) -> timedelta:
    if isinstance(offset, int) and abs(offset) <= _HOURS_MAX:
        return timedelta(hours=offset)
    found = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    if found and int(found[2]) <= _HOURS_MAX and int(found[3]) <= _MINUTES_MAX:
        span = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return -span if found[1] == "-" else span
    raise InvalidTime("zone_offset must look like -07:00, or be whole hours between -23 and 23")
