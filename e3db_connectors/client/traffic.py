"""What a client's calls have cost: counted always, for it costs next to nothing."""

from __future__ import annotations

from threading import Lock

import msgspec

from e3db_connectors.client import forks


class Traffic(msgspec.Struct, frozen=True):
    """Calls so far, or the calls of a while: one `Traffic` less an earlier one.

    Args:
        requests: HTTP requests, repeated ones and those for tokens included; the bodies of large files are not counted.
        retries: How many of them repeated one that had failed.
        throttled_seconds: How long calls have waited because the server said that it was busy; several may wait at a time.
        bytes_sent: Of bodies.
        bytes_received: Of bodies, as they came over the line.
    """

    requests: int = 0
    retries: int = 0
    throttled_seconds: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0

    def __sub__(self, earlier: Traffic) -> Traffic:
        """What has happened since."""
        return Traffic(*(getattr(self, name) - getattr(earlier, name) for name in self.__struct_fields__))


class TrafficMeter:
    """Counts; safe to use from several threads."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._requests, self._retries, self._throttled, self._sent, self._received = 0, 0, 0.0, 0, 0
        self.after_fork()
        forks.renew_in_child(self)

    def after_fork(self) -> None:
        """Let go of a lock that a thread of the parent may have held."""
        self._lock = Lock()

    def total(self) -> Traffic:
        """All so far."""
        with self._lock:
            return Traffic(self._requests, self._retries, self._throttled, self._sent, self._received)

    def sent(self, size: int) -> None:
        """A request with a body of *size* bytes goes out."""
        with self._lock:
            self._requests += 1
            self._sent += size

    def received(self, size: int) -> None:
        """So many bytes of a body have come."""
        with self._lock:
            self._received += size

    def waits(self, seconds: float, *, busy: bool) -> None:
        """A call is going to be repeated after *seconds*; *busy*: because the server asked for that."""
        with self._lock:
            self._retries += 1
            self._throttled += seconds if busy else 0.0
