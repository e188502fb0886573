"""The v2 search: by offset, with totals; the original's index lags (protocol section 11)."""

from enum import StrEnum

import msgspec

from e3db_connectors.wire.records import Result


class Condition(StrEnum):
    """How the terms of one `Params` combine."""

    OR = "OR"
    AND = "AND"


class Strategy(StrEnum):
    """How a term is compared (section 11.3)."""

    EXACT = "EXACT"
    FUZZY = "FUZZY"
    WILDCARD = "WILDCARD"
    REGEXP = "REGEXP"


class RangeKey(StrEnum):
    """The time that a range, and with it the order, goes by."""

    CREATED = "CREATED"
    MODIFIED = "MODIFIED"


class TimeFormat(StrEnum):
    """How the times of a range are written; numbers are seconds in either."""

    ISO = "ISO8601DateTime"
    UNIX = "Unix"


class SortOrder(StrEnum):
    """The order of results by time."""

    ASCENDING = "ASCENDING"
    DESCENDING = "DESCENDING"


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """Lists of strings to look for; absent, null and empty mean unused (section 11.1)."""

    writer_ids: list[str] | None = None
    user_ids: list[str] | None = None
    record_ids: list[str] | None = None
    content_types: list[str] | None = None
    keys: list[str] | None = None
    values: list[str] | None = None
    tags: dict[str, str] | None = None
    shared_with: list[str] | None = None


class Params(msgspec.Struct, frozen=True, omit_defaults=True):
    """Terms, how they combine and how they compare."""

    terms: Terms | None = None
    condition: str | None = None
    strategy: str | None = None


class Range(msgspec.Struct, frozen=True, omit_defaults=True):
    """Half-open: ``after <= t < before`` (section 11.4).

    Args:
        time_format: See `TimeFormat`.
        time_zone: What times without an offset are in, such as ``America/Phoenix`` or ``-07:00``.
    """

    range_key: str | None = None
    after: str | int | float | None = None
    before: str | int | float | None = None
    time_format: str | None = None
    time_zone: str | None = None


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """The sort order; Java writes the second spelling."""

    sort_order: str | None = None
    java_sort_order: str | None = msgspec.field(name="sortOrder", default=None)


class SearchRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of ``POST /v2/search``.

    Args:
        include_only_direct_shares: Only records of types that their writers have shared with somebody.
    """

    limit: int | None = None
    next_token: int | None = None
    include_all_writers: bool | None = None
    include_data: bool | None = None
    match: list[Params] | None = None
    exclude: list[Params] | None = None
    range: Range | None = None
    order: Order | None = None
    include_only_direct_shares: bool | None = None


class SearchResponse(msgspec.Struct, frozen=True):
    """Its answer.

    Args:
        last_index: The next page's `next_token`, or 0 when nothing is left.
        total_results: All matches; 10,000 means *at least*.
    """

    results: list[Result] | None
    last_index: int
    total_results: int
    search_id: str = ""
