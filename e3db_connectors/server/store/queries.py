"""Query v1 and search v2 as statements (protocol sections 10 and 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import ColumnElement, Select, Text, and_, false, func, literal, not_, or_, select, true, tuple_

from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import policies, ranges
from e3db_connectors.server.store.records import StoredRecord, fetch_page, pair_hash
from e3db_connectors.server.store.schema import plain_members, records
from e3db_connectors.server.store.terms import TermResolver
from e3db_connectors.wire.search import SortOrder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection

    from e3db_connectors.server.access import Scope
    from e3db_connectors.server.store.lag import LaggingIndex
    from e3db_connectors.wire.queries import QueryRequest
    from e3db_connectors.wire.search import SearchRequest, Terms

    Where = ColumnElement[bool]


_DEPTH_MAX: Final = 20
_OTHERS_MAX: Final = 200
"""Expressions of a v1 query beside equalities, in all."""

_PARAMS_MAX: Final = 100
"""Entries of `match` or `exclude`."""

_VALUES_MAX: Final = 10_000
"""Values of a query; a SQLite statement takes three times as many."""

_NOTHING: Final = literal("{}", Text).label("data")

_MIB: Final = 1024 * 1024
_QUERY_PAGE: Final = 32 * _MIB
"""Characters of data after which a page of a query ends; its caller goes on from there."""

_SEARCH_PAGE: Final = 256 * _MIB
"""The same of a search, which is refused then: some callers take a short page for the last one."""


@dataclass(frozen=True)
class Found:
    """Records of one page, how many there are in all, and where the page ends."""

    rows: Sequence[StoredRecord]
    total: int
    end: int


def query(connection: Connection, request: QueryRequest, scope: Scope, count: int, after: int) -> Sequence[StoredRecord]:
    """Run a v1 query: records in the order of their index, from the one after *after* on."""
    _check_count([request.writer_ids, request.user_ids, request.record_ids, request.content_types])
    where = [_in_scope(scope), records.c.seq > after]
    for column, wanted in (
        (records.c.writer_id, request.writer_ids),
        (records.c.user_id, request.user_ids),
        (records.c.record_id, request.record_ids),
        (records.c.type, request.content_types),
    ):
        if wanted:
            where.append(column.in_(wanted))
    if request.plain:
        expressions = list(_flatten(request.plain))
        _check_count([request.plain, expressions])
        if sum(not _is_eq(item) for item in expressions) > _OTHERS_MAX:
            raise Problem(400, f"plain: at most {_OTHERS_MAX} expressions other than eq")
        where.append(_expression(request.plain))
    page = select(*_columns(data=request.include_data)).where(*where).order_by(records.c.seq).limit(count)
    return fetch_page(connection, page, _QUERY_PAGE)[0]


def search(
    connection: Connection, request: SearchRequest, scope: Scope, limit: int, offset: int, lagging: LaggingIndex | None = None
) -> Found:
    """Run a v2 search: total and page of one state of the database.

    With a *lagging* index, it says what matches, in which order and how many, but for the rights to read, which are those of
    now, as are the records returned; deleted ones are missing from a page that they have a place on.
    """
    index = cast("Connection", lagging or connection)  # it executes selects, no more
    where = [_in_scope(scope)]
    if max(len(request.match or ()), len(request.exclude or ())) > _PARAMS_MAX:
        raise Problem(400, f"match and exclude may have {_PARAMS_MAX} entries each")
    _check_count(values for params in (*(request.match or ()), *(request.exclude or ())) for values in _lists(params.terms))
    terms = TermResolver(index, where[0], scope.writer_id)
    match = [condition for condition in map(terms.condition, request.match or ()) if condition is not None]
    exclude = [condition for condition in map(terms.condition, request.exclude or ()) if condition is not None]
    if match:
        where.append(or_(*match))
    if exclude:
        where.append(not_(or_(*exclude)))
    if request.include_only_direct_shares:
        where.append(tuple_(records.c.writer_id, records.c.type, records.c.user_id).in_(policies.shared(scope.writer_id)))
    key = ranges.column(request.range)
    where += ranges.conditions(request.range)
    descending = request.order is not None and _is_descending(request.order.sort_order or request.order.java_sort_order)
    order = (key.desc(), records.c.record_id.desc()) if descending else (key, records.c.record_id)
    total: int = index.execute(select(func.count()).select_from(records).where(*where)).scalar_one()
    if offset >= total:
        return Found((), total, offset)
    columns = _columns(data=request.include_data)
    page = select(*(columns if lagging is None else [records.c.record_id])).where(*where).order_by(*order).limit(limit).offset(offset)
    if lagging is None:
        rows = _whole_page(connection, page)
        return Found(rows, total, offset + len(rows))
    ids = index.execute(page).scalars().all()
    current = {row.record_id: row for row in _whole_page(connection, select(*columns).where(records.c.record_id.in_(ids)))}
    return Found([current[record_id] for record_id in ids if record_id in current], total, offset + len(ids))


def _columns(*, data: bool | None) -> list[ColumnElement[Any]]:
    """Those of a record; without *data* it does not leave the database."""
    return [_NOTHING if column is records.c.data and not data else column for column in records.c]


def _whole_page(connection: Connection, statement: Select[Any]) -> list[StoredRecord]:
    rows, whole = fetch_page(connection, statement, _SEARCH_PAGE)
    if not whole:
        raise _too_large()
    return rows


def one_page(rows: Iterable[StoredRecord]) -> list[StoredRecord]:
    """*rows*, if they fit a page.

    Raises:
        Problem: They have too much data.
    """
    page: list[StoredRecord] = []
    size = 0
    for row in rows:
        page.append(row)
        size += row.size
        if size > _SEARCH_PAGE:
            raise _too_large()
    return page


def _too_large() -> Problem:
    return Problem(413, f"the records of this page have more than {_SEARCH_PAGE // _MIB} MiB: ask for fewer")


def _in_scope(scope: Scope) -> Where:
    own = records.c.writer_id == scope.writer_id
    if isinstance(scope.shared, Select):
        return or_(own, tuple_(records.c.writer_id, records.c.type, records.c.user_id).in_(scope.shared))
    if not scope.shared:
        return own
    # Beside the exact triples their writers and types, each alone: that is what SQLite finds an index for.
    shared = and_(
        records.c.writer_id.in_({owner.writer_id for owner in scope.shared}),
        records.c.type.in_({owner.type for owner in scope.shared}),
        tuple_(records.c.writer_id, records.c.user_id, records.c.type).in_(scope.shared),
    )
    return or_(own, shared)


def _check_count(values: Iterable[Sequence[Any] | Mapping[str, Any] | None]) -> None:
    if sum(len(items or ()) for items in values) > _VALUES_MAX:
        raise Problem(400, f"a query may hold {_VALUES_MAX} values in all")


def _flatten(plain: Any, depth: int = 0) -> Iterator[Any]:
    """All expressions of a tree; this is where it is refused if it is too deep."""
    if depth > _DEPTH_MAX:
        raise Problem(400, f"plain: an expression is nested at most {_DEPTH_MAX} deep")
    yield plain
    if isinstance(plain, dict) and len(plain) == 1:
        operator, operand = next(iter(plain.items()))
        below = operand if operator in {"and", "or"} and isinstance(operand, list) else [operand] if operator == "not" else ()
        for item in below:
            yield from _flatten(item, depth + 1)


def _is_eq(plain: Any) -> bool:
    return isinstance(plain, dict) and len(plain) == 1 and isinstance(plain.get("eq"), dict)


def _expression(plain: Any) -> Where:
    """The v1 plain language (section 10.2)."""
    if not isinstance(plain, dict):
        raise Problem(400, "plain: an expression must be an object")
    if len(plain) == 1:
        operator, operand = next(iter(plain.items()))
        if operator == "eq" and isinstance(operand, dict):
            return _has_pairs([_pair_of(operand)], every=True)
        if operator in {"and", "or"} and isinstance(operand, list):
            return _combine(operand, every=operator == "and")
        if operator == "not" and not isinstance(operand, str):
            return not_(_expression(operand))
    if all(isinstance(value, str) for value in plain.values()):
        return _has_pairs([pair_hash(key, value) for key, value in plain.items()], every=True)
    raise Problem(400, "plain: unknown expression; it takes eq, and, or, not")


def _combine(items: list[Any], *, every: bool) -> Where:
    # Many equalities are one look-up by their hashes; writers look for hundreds of keys at once.
    equalities = [item["eq"] for item in items if _is_eq(item)]
    parts = [_expression(item) for item in items if not _is_eq(item)]
    if equalities:
        parts.append(_has_pairs([_pair_of(item) for item in equalities], every=every))
    return and_(true(), *parts) if every else or_(false(), *parts)


def _pair_of(operand: Any) -> bytes:
    name, value = (operand.get("name"), operand.get("value")) if isinstance(operand, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(value, str):
        raise Problem(400, "plain: eq takes a name and a value, both text")
    return pair_hash(name, value)


def _has_pairs(hashes: list[bytes], *, every: bool) -> Where:
    """Whether a record has every one, or any, of these plain members."""
    hashes = list(set(hashes))
    having = select(plain_members.c.seq).where(plain_members.c.pair_hash.in_(hashes))
    if every and len(hashes) != 1:
        having = having.group_by(plain_members.c.seq).having(func.count() == len(hashes))
        return records.c.seq.in_(having) if hashes else true()
    return records.c.seq.in_(having)


def _lists(terms: Terms | None) -> Iterator[Sequence[str] | Mapping[str, str] | None]:
    return (getattr(terms, name) for name in terms.__struct_fields__) if terms else iter(())


def _is_descending(order: str | None) -> bool:
    if order and order not in SortOrder.__members__:
        raise Problem(400, "sort_order must be ASCENDING or DESCENDING")
    return order == SortOrder.DESCENDING
