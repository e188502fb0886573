"""The cache is bounded by count and age."""

from e3db_connectors.client import cache
from e3db_connectors.client.cache import BoundedCache


def test_it_keeps_what_was_used_last():
    kept = BoundedCache(2, 60)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c"), len(kept)) == (1, None, 3, 2)


def test_it_forgets_what_is_too_old(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(cache.time, "monotonic", lambda: now[0])
    kept = BoundedCache(2, 60)
    kept.put("a", 1)
    now[0] += 59
    assert kept.get("a") == 1
    now[0] += 1
    assert kept.get("a") is None
    assert len(kept) == 0
    kept.put("b", 2)
    kept.clear()
    assert kept.get("b") is None
