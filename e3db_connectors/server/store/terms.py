"""The match and exclude terms of a search as conditions (protocol sections 11.1 to 11.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, or_, select, tuple_

from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store.patterns import matcher
from e3db_connectors.server.store.policies import seen_readers
from e3db_connectors.server.store.records import pair_hash, searchable
from e3db_connectors.server.store.schema import plain_members, policies, records
from e3db_connectors.wire.search import Condition, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from e3db_connectors.server.store.patterns import Matcher
    from e3db_connectors.wire.search import Params, Terms

    Where = ColumnElement[bool]

CANDIDATES_MAX: Final = 100_000
"""Distinct values that one pattern is compared with."""

PATTERNS_MAX: Final = 100
"""Patterns of one search."""

MATCHES_MAX: Final = 10_000
"""Distinct values that the patterns of one search may match."""

_OTHERS: Final = plain_members.c.key.not_like("\\_e3db\\_%", escape="\\")
"""Plain members whose names do not begin with ``_e3db_``: those are the connectors' own, and are found by exact terms only."""


class _Found(NamedTuple):
    """What one term stands for: any of these values of a column; *exact* if it is no pattern."""

    column: ColumnElement[Any]
    values: frozenset[Any]
    exact: bool


class TermResolver:
    """Turns terms into conditions; patterns are compared with the values that occur in what the caller may see.

    Args:
        connection: The search's own transaction, so that all of it sees one state.
        in_scope: What the caller may see.
        caller: Who searches.
    """

    def __init__(self, connection: Connection, in_scope: Where, caller: str) -> None:
        """Start without candidates; they are fetched when a pattern needs them."""
        self._connection, self._in_scope, self._shares = connection, in_scope, seen_readers(caller)
        self._candidates: dict[str, list[Any]] = {}
        self._matched = self._patterns = 0

    def condition(self, params: Params) -> Where | None:
        """One match or exclude; None if it has no terms, which restricts nothing."""
        strategy, condition = params.strategy or Strategy.EXACT, params.condition or Condition.OR
        if condition not in Condition.__members__ or strategy not in Strategy.__members__:
            raise Problem(400, "condition must be OR or AND; strategy EXACT, FUZZY, WILDCARD or REGEXP")
        if params.terms is None:
            return None
        found = [*self._metas(params.terms, strategy), *self._members(params.terms, strategy)]
        if not found:
            return None
        return self._all_of(found) if condition == Condition.AND else self._any_of(found)

    def _metas(self, terms: Terms, strategy: str) -> Iterator[_Found]:
        exact = strategy == Strategy.EXACT
        for column, wanted in (
            (records.c.writer_id, terms.writer_ids),
            (records.c.user_id, terms.user_ids),
            (records.c.record_id, terms.record_ids),
            (records.c.type, terms.content_types),
            (policies.c.reader_id, terms.shared_with),
        ):
            for term in wanted or ():
                yield _Found(column, self._matching(column, term, strategy), exact)

    def _members(self, terms: Terms, strategy: str) -> Iterator[_Found]:
        exact = strategy == Strategy.EXACT
        for column, wanted in ((plain_members.c.key, terms.keys), (plain_members.c.value, terms.values)):
            for term in wanted or ():
                yield _Found(column, self._matching(column, searchable(term), strategy), exact)
        for key, value in (terms.tags or {}).items():
            yield _Found(plain_members.c.pair_hash, self._matching_pairs(key, value, strategy), exact)

    def _matching(self, column: ColumnElement[Any], term: str, strategy: str) -> frozenset[str]:
        if strategy == Strategy.EXACT:
            return frozenset((term,))
        matches = self._matcher(strategy, term)
        return self._limited(value for (value,) in self._values(column) if matches(value))

    def _matching_pairs(self, key: str, value: str, strategy: str) -> frozenset[bytes]:
        if strategy == Strategy.EXACT:
            return frozenset((pair_hash(key, value),))
        key_matches, value_matches = (self._matcher(strategy, searchable(term)) for term in (key, value))
        pairs = self._values(plain_members.c.key, plain_members.c.value, plain_members.c.pair_hash)
        return self._limited(pair for name, text, pair in pairs if key_matches(name) and value_matches(text))

    def _matcher(self, strategy: str, term: str) -> Matcher:
        self._patterns += 1
        if self._patterns > PATTERNS_MAX:
            raise Problem(400, f"a search may hold {PATTERNS_MAX} patterns")
        return matcher(strategy, term)

    def _limited(self, values: Iterable[Any]) -> frozenset[Any]:
        found = frozenset(values)
        self._matched += len(found)
        if self._matched > MATCHES_MAX:
            raise Problem(400, f"the patterns match more than {MATCHES_MAX} different values: make them narrower")
        return found

    def _values(self, *columns: ColumnElement[Any]) -> Sequence[Any]:
        """The distinct values of columns within the scope."""
        name = " ".join(str(column) for column in columns)
        if name not in self._candidates:
            statement = select(*columns).where(self._shares if columns[0].table is policies else self._in_scope)
            if columns[0].table is plain_members:
                statement = statement.join(records, records.c.seq == plain_members.c.seq)
                statement = statement.where(_OTHERS)
            found = self._connection.execute(statement.distinct().limit(CANDIDATES_MAX + 1)).all()
            if len(found) > CANDIDATES_MAX:
                raise Problem(400, f"more than {CANDIDATES_MAX} different values to compare a pattern with: use EXACT terms")
            self._candidates[name] = list(found)
        return self._candidates[name]

    def _any_of(self, found: Sequence[_Found]) -> Where:
        merged: dict[tuple[Any, bool], set[Any]] = {}
        for column, values, exact in found:
            merged.setdefault((column, exact), set()).update(values)
        return or_(*(self._has(_Found(column, frozenset(values), exact)) for (column, exact), values in merged.items()))

    def _all_of(self, found: Sequence[_Found]) -> Where:
        """A record has one id and one type, so it has to match all terms for it at once; of plain members and readers it may have many."""
        metas: dict[Any, frozenset[Any]] = {}
        every: dict[Any, set[Any]] = {}
        conditions = []
        for column, values, exact in found:
            if column.table is records:
                metas[column] = metas[column] & values if column in metas else values
            elif exact:
                every.setdefault(column, set()).update(values)
            else:
                conditions.append(self._has(_Found(column, values, exact)))
        conditions += [self._has(_Found(column, values, exact=True)) for column, values in metas.items()]
        conditions += [self._has(_Found(column, frozenset(values), exact=True), at_least=len(values)) for column, values in every.items()]
        return and_(*conditions)

    def _has(self, found: _Found, *, at_least: int = 1) -> Where:
        """Whether a record has one of the values; of plain members and readers, how many of them at least."""
        column, wanted = found.column, list(found.values)
        if not wanted:
            return false()
        if column.table is records:
            return column.in_(wanted)
        if column.table is policies:
            return self._is_shared(wanted, at_least)
        having = select(func.count(column.distinct())).where(plain_members.c.seq == records.c.seq, column.in_(wanted))
        if not found.exact:
            having = having.where(_OTHERS)
        return having.scalar_subquery() >= at_least

    def _is_shared(self, reader_ids: Sequence[str], at_least: int) -> Where:
        """Whether so many of these may read a record, as far as the caller sees that."""
        shares = select(policies.c.writer_id, policies.c.type, policies.c.user_id).where(self._shares, policies.c.reader_id.in_(reader_ids))
        if at_least > 1:
            shares = shares.group_by(*shares.selected_columns).having(func.count() >= at_least)
        return tuple_(records.c.writer_id, records.c.type, records.c.user_id).in_(shares)
