"""After `os.fork` the child must not use what its parent's threads hold: each connection and lock is made anew there."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Renewed(Protocol):
    """Something that holds locks or connections."""

    def after_fork(self) -> None:
        """Make them anew; called in the child, while it has one thread only. It may not take a lock: nobody would release it."""


_living: WeakSet[Renewed] = WeakSet()


def renew_in_child(holder: Renewed) -> None:
    """Call `after_fork` of *holder* in each child of this process, for as long as it lives."""
    _living.add(holder)


def _renew_all() -> None:
    for holder in list(_living):
        holder.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
