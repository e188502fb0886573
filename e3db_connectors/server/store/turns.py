"""Turns of writers: one transaction that writes at a time, or several writers in one that is committed for all of them.

What takes long about a write is the disk, so writers that come while a commit is on its way share the next one (see `server.writing`).
Within a group each has a savepoint of its own: it happens as a whole or not at all, whatever becomes of the others.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import PendingRollbackError, SQLAlchemyError

from e3db_connectors.server.store.prepared import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

_SAVEPOINT: Final = "SAVEPOINT member"
_UNDO: Final = "ROLLBACK TO SAVEPOINT member"


class GroupLost(SQLAlchemyError):
    """The transaction of a group of writers was not committed.

    Args:
        cause: Why.
    """

    def __init__(self, cause: SQLAlchemyError) -> None:
        """Say so."""
        super().__init__("the transaction was not committed")
        # A connection that breaks while it commits leaves open whether it has; one that was broken before has not.
        self.nothing_happened = isinstance(cause, PendingRollbackError) or not getattr(cause, "connection_invalidated", False)
        """Whether that is certain."""


class Turns:
    """Gives out turns.

    Args:
        begin: Opens a connection, in a transaction that may write.
        settle: Called when what was written is committed, or given up.
    """

    def __init__(self, begin: Callable[[], Connection], settle: Callable[[], None]) -> None:
        """Start; nobody has the turn."""
        self._begin, self._settle = begin, settle
        self._turn = RLock()
        self._shared: Connection | None = None
        """Of the group that has the turn."""

    @contextmanager
    def take(self) -> Iterator[Connection]:
        """A turn to write: durable once it is left, or once the thread's group is."""
        with self._turn:
            if self._shared is not None:
                yield from _as_member(self._shared)
                return
            with self._transaction() as connection:
                yield connection

    @contextmanager
    def group(self) -> Iterator[None]:
        """Let all turns that this thread takes meanwhile share one transaction.

        Raises:
            GroupLost: It could not be committed; no turn has happened, or nobody knows.
        """
        with self._turn:
            try:
                with self._transaction() as self._shared:
                    yield
            except SQLAlchemyError as exc:
                raise GroupLost(exc) from exc
            finally:
                self._shared = None

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        connection = self._begin()
        try:
            yield connection
            connection.commit()
        except BaseException:
            connection.rollback()  # closing alone does not do it after a commit that failed
            raise
        finally:
            connection.close()
            self._settle()


def _as_member(connection: Connection) -> Iterator[Connection]:
    # Savepoints of one name shadow each other, so none needs to be released.
    run(connection, _SAVEPOINT)
    try:
        yield connection
    except BaseException:
        try:
            run(connection, _UNDO)
        except SQLAlchemyError:
            # The database has given up the whole transaction, as SQLite may on a full disk: so has the group.
            connection.invalidate()
        raise
