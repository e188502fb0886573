"""A model of a server, its lagging index and everybody who changes something while a run reads."""

from bisect import bisect_right
from random import Random

import pytest

from e3db_connectors.sync.reading import Engine, Tuning
from e3db_connectors.sync.reading.source import Grant
from e3db_connectors.wire import times
from e3db_connectors.wire.records import Meta, Result
from e3db_connectors.wire.search import SearchResponse

SECOND = 1_000_000
BEGIN = times.to_micros(times.parse("2026-01-01T00:00:00Z"))
ME, OTHERS = "me", ("ann", "bob")
LOOKBACK, SETTLE = 20, 5
ROWS_MAX = 60


class Killed(Exception):
    """The reading process has died."""


class Row:
    """A record, and what the index has seen of it."""

    def __init__(self, record_id, writer):
        self.record_id, self.writer = record_id, writer
        self.version, self.modified, self.deleted, self.created = 0, 0, False, 0
        self.visible_from, self.index = [], []

    def change(self, modified, visible, *, deleted=False):
        """A new state; the index sees it from *visible* on, but never before it has seen the one before."""
        self.version, self.modified, self.deleted = self.version + 1, modified, deleted
        self.meta = Meta(
            self.writer, self.writer, "t", {}, self.record_id, str(self.version), last_modified=times.render(times.from_micros(modified))
        )
        self.created = self.created or modified
        self.visible_from.append(max([visible, *self.visible_from[-1:]]))
        self.index.append(None if deleted else modified)

    def seen(self, now):
        """When the record was changed last as far as the index knows; None: it is in no search."""
        at = bisect_right(self.visible_from, now)
        return self.index[at - 1] if at else None


class Store:
    """Answers like a server, and before each answer time passes and something may happen.

    Membership, order and totals of searches are as of the past, with a lag of its own for each change; the records returned are
    current, and deleted ones are missing although they are counted. Some pages end early.
    """

    client_id = ME

    def __init__(  # noqa: PLR0913 - all that may go wrong
        self, rng, *, lag, clock_error=0, restless=0.5, pace=2.0, order="modified", strict_bounds=False, firm=True, short=0.0
    ):
        self.rng, self.lag, self.clock_error, self.restless, self.pace = rng, lag, clock_error, restless, pace
        self.order, self.strict_bounds, self.firm, self.short = order, strict_bounds, firm, short
        self.now, self.rows, self.grants, self.requests, self.unlisted = BEGIN, [], {}, 0, set()
        self.quiet, self.kill_rate = False, 0.0

    # What others do.

    def wait(self, seconds):
        self.now += int(seconds * SECOND)

    def clock(self):
        return self.now + self.rng.randint(-self.clock_error, self.clock_error)

    def visible(self):
        """Changes are seen at once, or as late as can be, or some time between."""
        return self.now + int(self.rng.choice([0, self.rng.random(), 1, 1]) * self.lag * SECOND)

    def create(self, count=1):
        writer, stamp, visible = self.rng.choice((ME, *OTHERS)), self.clock(), self.visible()
        for _ in range(count):
            row = Row(f"{self.rng.getrandbits(64):016x}", writer)
            row.change(stamp, visible if self.rng.random() < 0.5 else self.visible())
            self.rows.append(row)

    def change(self, count=1, *, deleted=False):
        living = [row for row in self.rows[-30:] if not row.deleted]
        if living:
            row = self.rng.choice(living)
            for _ in range(count):
                row.change(self.clock(), self.visible(), deleted=deleted)
                self.now += self.rng.randint(1, 3000)

    def something(self):
        action = self.rng.random() if len(self.rows) < ROWS_MAX else self.rng.uniform(0.4, 1)
        if action < 0.25:
            self.create()
        elif action < 0.4:
            self.create(self.rng.randint(2, 14))
        elif action < 0.7:
            self.change(self.rng.choice([1, 1, 3]))
        elif action < 0.87:
            self.change(deleted=True)
        else:
            self.share()

    def share(self):
        """Grant, revoke, or both. Where marks are not firm, every grant has the same one, and a revoke lasts until it has been listed."""
        writer = self.rng.choice(OTHERS)
        if self.firm:
            had = self.grants.pop(writer, None)
            if not had or self.rng.random() < 0.5:
                self.grants[writer] = Grant(str(self.now))
        elif self.grants.pop(writer, None):
            self.unlisted.add(writer)
        elif writer not in self.unlisted:
            self.grants[writer] = Grant("key", firm=False)

    def die_perhaps(self):
        if self.rng.random() < self.kill_rate:
            raise Killed

    def tick(self):
        self.requests += 1
        self.die_perhaps()
        self.now += int(self.rng.expovariate(1 / self.pace) * SECOND) + 1
        while not self.quiet and self.rng.random() < self.restless:
            self.something()
            self.now += self.rng.randint(0, 3000)

    # What it answers.

    def server_time(self):
        self.tick()
        return times.from_micros(self.clock() // SECOND * SECOND)

    def shares(self, _record_type, *, thorough):
        assert thorough in {True, False}
        self.tick()
        self.unlisted.clear()
        return dict(self.grants)

    def search(self, request):
        self.tick()
        return self.answer(request)

    def answer(self, request):
        after, before = (times.to_micros(times.parse(text)) if text else None for text in (request.range.after, request.range.before))
        params = request.match
        writers = {writer for each in params for writer in each.terms.writer_ids or ()}
        prefixes = tuple(prefix[:-1] for each in params for prefix in each.terms.record_ids or ())
        found = []
        for row in self.rows:
            changed = row.seen(self.now)
            if changed is None or not (row.writer == ME or (request.include_all_writers and row.writer in self.grants)):
                continue
            if (writers and row.writer not in writers) or (prefixes and not row.record_id.startswith(prefixes)):
                continue
            if self.inside(changed, after, before):
                found.append((changed if self.order == "modified" else row.created, row.record_id, row))
        found.sort(key=lambda entry: entry[:2])
        offset = request.next_token or 0
        limit = self.rng.randint(min(2, request.limit), request.limit) if self.rng.random() < self.short else request.limit
        end = min(offset + limit, len(found))
        page = [Result(row.meta) for _, _, row in found[offset:end] if not row.deleted]
        return SearchResponse(page, end if end < len(found) else 0, len(found))

    def inside(self, changed, after, before):
        """The hosted index keeps milliseconds; whether its bounds belong to the range is not known."""
        if not self.strict_bounds:
            return changed >= after and (before is None or changed < before)
        changed = changed // 1000 * 1000
        return changed > after and (before is None or changed < before)


class Launches:
    """Windows fetched ahead, each at once or only when it is wanted."""

    def __init__(self, rng):
        self.rng = rng

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def launch(self, work):
        if self.rng.random() < 0.5:
            return work
        made = work()
        return lambda: made


class Trial:
    """Some syncs of a store into a warehouse, which applies rows in the order of their arrival, by key."""

    row_type = Row

    def __init__(self, seed, *, workers=3, lag=None, warehouse=None, **options):
        self.rng = Random(seed)  # noqa: S311 - it has to be the same each time
        rng = self.rng
        error = options.setdefault("clock_error", rng.choice([0, 0, SECOND // 2, SECOND]))
        lag = (LOOKBACK + SETTLE) - 2 * error / SECOND - 0.1 if lag is None else lag
        options.setdefault("order", rng.choice(["modified", "modified", "created"]))
        options.setdefault("strict_bounds", rng.random() < 0.3)
        options.setdefault("firm", rng.random() < 0.7)
        options.setdefault("short", rng.choice([0, 0, 0.3, 1]))
        self.store = Store(rng, lag=lag, restless=rng.choice([0.2, 0.5, 0.7]), pace=rng.choice([0.01, 0.3, 3.0]), **options)
        self.tuning = Tuning(
            lookback_seconds=LOOKBACK,
            settle_seconds=SETTLE,
            page_size=rng.randint(1, 5),
            max_workers=rng.randint(1, workers),
            search_window=16,
        )
        self.warehouse, self.state, self.given, self.doubled, self.repeated = {}, None, 0, 0, 0
        self.counts = {}
        self.put = warehouse or (lambda table, meta: table.__setitem__(meta.record_id, meta))

    def sync(self):
        """Read until the end, or until the process dies, and keep the last state that was stored."""
        engine = Engine(
            self.store,
            "t",
            state=self.state,
            all_writers=True,
            tuning=self.tuning,
            opener=lambda result: result.meta,
            count=self.count,
            launcher=lambda _workers: Launches(self.rng),
            sleep=self.store.wait,
        )
        steps, versions = engine.run(), set()
        try:
            for step in steps:
                for meta in step.rows:
                    self.put(self.warehouse, meta)
                    self.repeated += (meta.record_id, meta.version) in versions
                    versions.add((meta.record_id, meta.version))
                self.given += len(step.rows)
                self.store.die_perhaps()
                self.state = step.state
        except Killed:
            return
        finally:
            steps.close()

    def count(self, **amounts):
        for name, amount in amounts.items():
            self.counts[name] = self.counts.get(name, 0) + amount

    def run(self):
        """Sync some times while everything moves, then in peace: twice, and once more, in which nothing should come."""
        store, rng = self.store, self.rng
        for _ in range(rng.randint(0, 25)):
            store.something()
        store.wait(rng.choice([0, 3 * LOOKBACK]))
        for _ in range(rng.randint(1, 6)):
            store.kill_rate = rng.choice([0, 0.02, 0.1, 0.3])
            self.sync()
            store.wait(rng.choice([0, 1, 10, 60]) * rng.random())
        store.quiet, store.kill_rate = True, 0
        for writer in OTHERS:
            if rng.random() < 0.7 and writer not in store.grants and writer not in store.unlisted:
                store.grants[writer] = Grant(str(store.now) if store.firm else "key", firm=store.firm)
        store.wait(store.lag)
        for _ in range(2):
            self.sync()
        before = self.given
        self.sync()
        self.doubled = self.given - before
        return self.lost()

    def lost(self):
        """What the reader may see and the warehouse has not, or not as it is now."""
        readable = [row for row in self.store.rows if not row.deleted and (row.writer == ME or row.writer in self.store.grants)]
        stored = {record_id: meta.version for record_id, meta in self.warehouse.items()}
        return [row for row in readable if stored.get(row.record_id) != str(row.version)]


@pytest.fixture(scope="session")
def trial():
    return Trial
