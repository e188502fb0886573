"""The capitalised spellings of a search."""

from __future__ import annotations

from typing import Any, Self


class OriginalSearch:
    """The capitalised spellings of `Search`, with names in the singular."""

    def Match(self, **terms: Any) -> Self:
        """`Search.match`."""
        return self._renamed("match", terms)

    def Exclude(self, **terms: Any) -> Self:
        """`Search.exclude`."""
        return self._renamed("exclude", terms)

    def Range(self, **bounds: Any) -> Self:
        """`Search.range`."""
        return self._renamed("range", bounds)

    def _renamed(self, method: str, arguments: dict[str, Any]) -> Self:
        plural = {"record_type": "record_types", "writer": "writers", "record": "records", "user": "users"}
        found: Self = getattr(self, method)(**{plural.get(name, name): value for name, value in arguments.items()})
        return found
