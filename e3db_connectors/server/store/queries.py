"""Query v1 and search v2 as statements (protocol sections 10 and 11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select, true

from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store.records import StoredRecord, fetch, pair_hash
from e3db_connectors.server.store.schema import plain_members, records
from e3db_connectors.wire import times
from e3db_connectors.wire.search import Condition, RangeKey, SortOrder, Strategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from e3db_connectors.wire.queries import QueryRequest
    from e3db_connectors.wire.search import Params, Range, SearchRequest

    Where = ColumnElement[bool]


@dataclass(frozen=True)
class Found:
    """Records of one page, and how many there are in all."""

    rows: Sequence[StoredRecord]
    total: int


def query(connection: Connection, request: QueryRequest, caller: str, count: int, after: int) -> Sequence[StoredRecord]:
    """Run a v1 query: records in the order of their index, from the one after *after* on."""
    where = [records.c.writer_id == caller, records.c.seq > after]
    for column, wanted in (
        (records.c.writer_id, request.writer_ids),
        (records.c.user_id, request.user_ids),
        (records.c.record_id, request.record_ids),
        (records.c.type, request.content_types),
    ):
        if wanted:
            where.append(column.in_(wanted))
    if request.plain:
        where.append(_expression(request.plain))
    return fetch(connection, select(records).where(*where).order_by(records.c.seq).limit(count))


def search(connection: Connection, request: SearchRequest, caller: str, limit: int, offset: int) -> Found:
    """Run a v2 search: total and page of one state of the database."""
    where = [records.c.writer_id == caller]
    match = [params for params in map(_params, request.match or ()) if params is not None]
    exclude = [params for params in map(_params, request.exclude or ()) if params is not None]
    if match:
        where.append(or_(*match))
    if exclude:
        where.append(not_(or_(*exclude)))
    key = _range_column(request.range)
    where += _bounds(request.range, key)
    descending = request.order is not None and _is_descending(request.order.sort_order or request.order.java_sort_order)
    order = (key.desc(), records.c.record_id.desc()) if descending else (key, records.c.record_id)
    total = connection.scalar(select(func.count()).select_from(records).where(*where)) or 0
    if offset >= total:
        return Found((), total)
    page = select(records).where(*where).order_by(*order).limit(limit).offset(offset)
    return Found(fetch(connection, page), total)


def _expression(plain: dict[str, Any]) -> Where:
    """The v1 plain language (section 10.2)."""
    if len(plain) == 1:
        operator, operand = next(iter(plain.items()))
        if operator == "eq" and isinstance(operand, dict):
            return _eq([operand])
        if operator == "or" and isinstance(operand, list):
            return _any(operand)
        if operator == "and" and isinstance(operand, list):
            return and_(true(), *map(_subexpression, operand))
        if operator == "not":
            return not_(_subexpression(operand))
    if all(isinstance(value, str) for value in plain.values()):
        return and_(true(), *(_has_pair(pair_hash(key, value)) for key, value in plain.items()))
    raise Problem(400, "plain: unknown expression; it takes eq, and, or, not")


def _any(expressions: list[Any]) -> Where:
    # Many equalities are one look-up by their hashes; writers look for hundreds of keys at once.
    equalities = [item["eq"] for item in expressions if isinstance(item, dict) and list(item) == ["eq"]]
    others = [item for item in expressions if not (isinstance(item, dict) and list(item) == ["eq"])]
    found = [_eq(equalities)] if equalities else []
    return or_(false(), *found, *map(_subexpression, others))


def _subexpression(item: Any) -> Where:
    if not isinstance(item, dict):
        raise Problem(400, "plain: an expression must be an object")
    return _expression(item)


def _eq(operands: list[Any]) -> Where:
    hashes = []
    for operand in operands:
        name, value = (operand.get("name"), operand.get("value")) if isinstance(operand, dict) else (None, None)
        if not isinstance(name, str) or not isinstance(value, str):
            raise Problem(400, "plain: eq takes a name and a value, both text")
        hashes.append(pair_hash(name, value))
    return _has_pair(*hashes)


def _has_pair(*hashes: bytes) -> Where:
    return records.c.seq.in_(select(plain_members.c.seq).where(plain_members.c.pair_hash.in_(hashes)))


def _params(params: Params) -> Where | None:
    """One match or exclude; None if it has no terms, which restricts nothing (section 11.2)."""
    strategy, condition = params.strategy or Strategy.EXACT, params.condition or Condition.OR
    if condition not in Condition.__members__ or strategy not in Strategy.__members__:
        raise Problem(400, "condition must be OR or AND; strategy EXACT, FUZZY, WILDCARD or REGEXP")
    if strategy != Strategy.EXACT:
        raise Problem(400, f"this server does not search by strategy {strategy} yet, only EXACT")
    terms = params.terms
    if terms is None:
        return None
    atoms: list[Where] = []
    for column, wanted in (
        (records.c.writer_id, terms.writer_ids),
        (records.c.user_id, terms.user_ids),
        (records.c.record_id, terms.record_ids),
        (records.c.type, terms.content_types),
    ):
        atoms += [column == value for value in wanted or ()]
    atoms += [_has_member(plain_members.c.key == key) for key in terms.keys or ()]
    atoms += [_has_member(plain_members.c.value == value) for value in terms.values or ()]
    atoms += [_has_pair(pair_hash(key, value)) for key, value in (terms.tags or {}).items()]
    if not atoms:
        return None
    return and_(*atoms) if condition == Condition.AND else or_(*atoms)


def _has_member(where: Where) -> Where:
    return select(plain_members.c.seq).where(plain_members.c.seq == records.c.seq, where).exists()


def _range_column(bounds: Range | None) -> ColumnElement[int]:
    key = (bounds and bounds.range_key) or RangeKey.CREATED
    if key not in RangeKey.__members__:
        raise Problem(400, "range_key must be CREATED or MODIFIED")
    return records.c.last_modified if key == RangeKey.MODIFIED else records.c.created


def _bounds(bounds: Range | None, column: ColumnElement[int]) -> list[Where]:
    where = []
    after, before = (_instant(bounds.after), _instant(bounds.before)) if bounds else (None, None)
    if after is not None:
        where.append(column >= after)
    if before is not None:
        where.append(column < before)
    return where


def _instant(bound: str | float | None) -> int | None:
    if bound is None:
        return None
    if not isinstance(bound, str):
        return round(bound * 1_000_000)
    return None if times.is_unset(bound) else times.to_micros(times.parse(bound))


def _is_descending(order: str | None) -> bool:
    if order and order not in SortOrder.__members__:
        raise Problem(400, "sort_order must be ASCENDING or DESCENDING")
    return order == SortOrder.DESCENDING
