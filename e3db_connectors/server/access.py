"""Who may do what: one table, asked at the moment of the call (protocol sections 7.2 to 7.4, 9.2, 10.1, 11.7, 12.2 and 14.3).

A relation is what a caller is to records, or to a note; it is looked up in the transaction of the request. What is not here is
open to every client: to look up others' keys, and to list what itself shares, or what is shared with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from e3db_connectors.crypto import encoding, signatures
from e3db_connectors.errors import EncodingError
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import policies
from e3db_connectors.server.store.owners import Owner
from e3db_connectors.wire.sharing import Right

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection, Select

    from e3db_connectors.server.signing import Signer
    from e3db_connectors.server.store.notes import StoredNote
    from e3db_connectors.server.store.records import StoredRecord


class Relation(Enum):
    """What a caller is to what it asks for."""

    WRITER = auto()
    """It wrote the records, or is about to."""

    USER = auto()
    """They are about it."""

    READER = auto()
    """It has the right to read them."""

    AUTHORIZER = auto()
    """It may share them on."""

    NAMED = auto()
    """It is the reader that the request names."""

    RECIPIENT = auto()
    """Its key is the one that a note is for."""

    AUTHOR = auto()
    """It wrote the note."""


class Action(Enum):
    """What a caller wants."""

    WRITE = auto()
    READ = auto()
    FIND_OWN = auto()
    FIND_ALL = auto()
    UPDATE = auto()
    DELETE = auto()
    READ_FILE = auto()
    COMMIT_FILE = auto()
    GET_KEY = auto()
    SHARE = auto()
    """Put or delete a reader's key, give or take its right to read."""

    SHARE_WITH_WRITER = auto()
    """The same of what the writer itself holds: without its own key it could open none of its records."""

    APPOINT = auto()
    """Make somebody an authorizer, or none any more."""

    READ_NOTE = auto()
    COUNT_NOTE = auto()
    REPLACE_NOTE = auto()
    DELETE_NOTE = auto()


class _Refusal(NamedTuple):
    status: int
    text: str


@dataclass(frozen=True)
class _Rule:
    """Who may do it; what all others are told, just as if nothing were there; and what those are who may read it, so know of it."""

    allowed: frozenset[Relation]
    refusal: _Refusal
    to_readers: _Refusal | None = None


_NO_RECORD: Final = _Refusal(404, "no such record")
_NO_FILE: Final = _Refusal(404, "no such file")
_NO_NOTE: Final = _Refusal(404, "no such note")
_NOT_WRITER: Final = _Refusal(403, "only its writer may change or delete a record")
_NO_SHARER: Final = _Refusal(403, "only the writer, or an authorizer of it, may share its records with others")
_WHO_READS: Final = frozenset({Relation.WRITER, Relation.USER, Relation.READER})
_WRITER: Final = frozenset({Relation.WRITER})

RULES: Final[Mapping[Action, _Rule]] = {
    Action.WRITE: _Rule(_WRITER, _Refusal(403, "writer_id must be the caller")),
    Action.READ: _Rule(_WHO_READS, _NO_RECORD),
    Action.FIND_OWN: _Rule(_WRITER, _NO_RECORD),
    Action.FIND_ALL: _Rule(_WHO_READS, _NO_RECORD),
    Action.UPDATE: _Rule(_WRITER, _NO_RECORD, to_readers=_NOT_WRITER),
    Action.DELETE: _Rule(_WRITER, _NOT_WRITER),
    Action.READ_FILE: _Rule(_WHO_READS, _NO_FILE),
    Action.COMMIT_FILE: _Rule(_WRITER, _NO_FILE),
    Action.GET_KEY: _Rule(frozenset({Relation.WRITER, Relation.NAMED}), _Refusal(403, "this access key is somebody else's")),
    Action.SHARE: _Rule(frozenset({Relation.WRITER, Relation.AUTHORIZER}), _NO_SHARER),
    Action.SHARE_WITH_WRITER: _Rule(_WRITER, _NO_SHARER),
    Action.APPOINT: _Rule(_WRITER, _Refusal(403, "only the writer appoints and dismisses its authorizers")),
    Action.READ_NOTE: _Rule(frozenset({Relation.RECIPIENT}), _NO_NOTE),
    Action.COUNT_NOTE: _Rule(frozenset({Relation.RECIPIENT, Relation.AUTHOR}), _NO_NOTE),
    Action.REPLACE_NOTE: _Rule(frozenset({Relation.AUTHOR}), _Refusal(403, "the note of this id_string is somebody else's")),
    Action.DELETE_NOTE: _Rule(frozenset({Relation.AUTHOR}), _NO_NOTE),
}

_TO_RECORDS: Final[Mapping[Relation, Callable[[Connection, str, Owner, str], bool]]] = {
    Relation.WRITER: lambda _connection, caller, owner, _reader: caller == owner.writer_id,
    Relation.USER: lambda _connection, caller, owner, _reader: caller == owner.user_id,
    Relation.NAMED: lambda _connection, caller, _owner, reader: caller == reader,
    Relation.READER: lambda connection, caller, owner, _reader: policies.has(connection, owner, caller, Right.READ),
    Relation.AUTHORIZER: lambda connection, caller, owner, _reader: policies.has(connection, owner, caller, Right.AUTHORIZER),
}
"""How relations to records are found; in the order of what they cost."""

_STORED: Final = {Relation.READER: Right.READ, Relation.USER: policies.ABOUT}
"""Relations by which queries find records of others."""

_FEW: Final = 50
"""Owners that a query names one by one."""


def may(connection: Connection, caller: str, action: Action, owner: Owner, reader_id: str = "") -> bool:
    """Whether *caller* may do this to records of *owner*; *reader_id* is whom it is about, if the request names somebody."""
    allowed = RULES[action].allowed
    return any(holds(connection, caller, owner, reader_id) for relation, holds in _TO_RECORDS.items() if relation in allowed)


def require(connection: Connection, caller: str, action: Action, owner: Owner, reader_id: str = "") -> None:
    """Let pass who may.

    Raises:
        Problem: The caller may not.
    """
    if may(connection, caller, action, owner, reader_id):
        return
    rule = RULES[action]
    if rule.to_readers and may(connection, caller, Action.READ, owner):
        raise Problem(*rule.to_readers)
    raise Problem(*rule.refusal)


def of_record(connection: Connection, caller: str, action: Action, record: StoredRecord | None) -> StoredRecord:
    """The record, if it is there and the caller may; which of both it is that fails, nobody is told who may not read it.

    Raises:
        Problem: It is not.
    """
    if record is None:
        raise Problem(*RULES[action].refusal)
    require(connection, caller, action, record.owner)
    return record


def require_sharer(connection: Connection, caller: str, owner: Owner, reader_id: str, rights: Collection[Right] = ()) -> None:
    """Let pass who may give *reader_id* a key, or these rights, and take them.

    Raises:
        Problem: The caller may not.
    """
    action = Action.SHARE_WITH_WRITER if reader_id == owner.writer_id else Action.SHARE
    require(connection, caller, Action.APPOINT if Right.AUTHORIZER in rights else action, owner, reader_id)


def of_note(signer: Signer, action: Action, note: StoredNote | None) -> StoredNote:
    """The note, if it is there and the signer may.

    Raises:
        Problem: It is not.
    """
    rule = RULES[action]
    if note is None or not any(relation in rule.allowed for relation in _to_note(signer, note)):
        raise Problem(*rule.refusal)
    return note


def _to_note(signer: Signer, note: StoredNote) -> Sequence[Relation]:
    wrote = note.client_id == signer.client_id if note.client_id else signing_key(note.writer_signing_key) == signer.public_key
    receives = signing_key(note.recipient_signing_key) == signer.public_key
    return [*([Relation.AUTHOR] if wrote else []), *([Relation.RECIPIENT] if receives else [])]


def signing_key(text: str) -> str:
    """A signing key in its canonical form.

    Raises:
        Problem: It is none.
    """
    try:
        return encoding.encode(encoding.decode_exactly(text, signatures.PUBLIC_SIZE, what="signing key"))
    except EncodingError as exc:
        raise Problem(400, str(exc)) from None


@dataclass(frozen=True)
class Scope:
    """The records that a query may find.

    Args:
        writer_id: All that it wrote.
        shared: And what others wrote: a list, which the database finds by its index, or a select if they are many.
    """

    writer_id: str
    shared: Sequence[Owner] | Select[Any] = ()


def scope(connection: Connection, caller: str, *, everyone: bool, writer_ids: Collection[str] = ()) -> Scope:
    """What a query finds: with *everyone*, or for given writers, all that the caller may read."""
    action = Action.FIND_ALL if everyone or writer_ids else Action.FIND_OWN
    kinds = [kind for relation, kind in _STORED.items() if relation in RULES[action].allowed]
    if not kinds:
        return Scope(caller)
    shared = policies.readable(caller, kinds)
    few = [Owner(row.writer_id, row.user_id, row.type) for row in connection.execute(shared.limit(_FEW + 1))]
    if len(few) > _FEW:
        return Scope(caller, shared)
    return Scope(caller, [owner for owner in few if not writer_ids or owner.writer_id in writer_ids])
