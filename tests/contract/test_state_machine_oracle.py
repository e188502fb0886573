"""What a server of the E3DB protocol answers, worked out from plain dictionaries: the oracle of `test_state_machine`, and its own tests."""

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pytest

READ, AUTHORIZER = "read", "authorizer"
OURS = "_e3db_"
"""Plain members of such names are the connectors' own: patterns do not find them."""


@dataclass(frozen=True)
class Stored:
    """A record; times as the server told them."""

    record_id: str
    writer: str
    user: str
    type: str
    plain: dict
    data: dict
    version: str
    created: str
    modified: str

    @property
    def owner(self):
        return self.writer, self.user, self.type


@dataclass
class NoteStored:
    """A note, and how often it can still be read; -1 for always."""

    note_id: str
    name: str
    author: str
    recipient: str
    left: int


@dataclass
class Oracle:
    """All that the server knows, as far as it has been told by the test; dictionaries keep the order in which things came."""

    people: set
    records: dict = field(default_factory=dict)
    rights: dict = field(default_factory=dict)
    """(writer, user, type), reader and right: who gave it."""

    keys: dict = field(default_factory=dict)
    """(writer, user, type) and reader: key, and who put it."""

    notes: dict = field(default_factory=dict)

    # Who may do what

    def may_read(self, caller, record):
        return caller in {record.writer, record.user} or (record.owner, caller, READ) in self.rights

    def may_share(self, caller, owner, reader):
        """Also with the writer itself, but that only by the writer."""
        return caller == owner[0] or (reader != owner[0] and (owner, caller, AUTHORIZER) in self.rights)

    # Records

    def read(self, caller, record_id):
        record = self.records.get(record_id)
        return 200 if record and self.may_read(caller, record) else 404

    def write(self, caller, writer):
        return 201 if caller == writer else 403

    def update(self, caller, record_id, version, owner):
        """*version* is None where none matters, *owner* what the body says."""
        record = self.records.get(record_id)
        if record is None or not self.may_read(caller, record):
            return 404
        if caller != record.writer:
            return 403
        if version not in {None, record.version}:
            return 409
        return 200 if owner == record.owner else 400

    def delete(self, caller, record_id, version):
        record = self.records.get(record_id)
        if record is None or caller != record.writer:
            return 403
        return 204 if version in {None, record.version} else 409

    def bulk_delete(self, caller, record_ids):
        """Those that go, and those of which the server says that they are not there."""
        mine = [record_id for record_id in dict.fromkeys(record_ids) if self.delete(caller, record_id, None) == 204]
        return mine, [record_id for record_id in dict.fromkeys(record_ids) if record_id not in mine]

    def batch(self, caller, record_ids):
        return [self.records[record_id] for record_id in dict.fromkeys(record_ids) if self.read(caller, record_id) == 200]

    # Sharing

    def change(self, caller, owner, reader, rights):
        """Status of a PUT of a policy that gives or takes *rights*."""
        if not self.may_share(caller, owner, reader) or (AUTHORIZER in rights and caller != owner[0]):
            return 403
        return 201 if reader in self.people else 404

    def get_key(self, caller, owner, reader):
        if caller not in {owner[0], reader}:
            return 403
        return 200 if (owner, reader) in self.keys else 404

    def put_key(self, caller, owner, reader):
        if not self.may_share(caller, owner, reader):
            return 403
        if reader not in self.people:
            return 404
        return 409 if (owner, reader) in self.keys else 201

    def delete_key(self, caller, owner, reader):
        return 204 if self.may_share(caller, owner, reader) else 403

    def outgoing(self, caller):
        return [(reader, owner[2]) for owner, reader, right in self.rights if right == READ and owner[0] == caller]

    def incoming(self, caller):
        return [(owner[0], owner[2]) for owner, reader, right in self.rights if right == READ and reader == caller]

    def authorizations(self, *, writer=None, authorizer=None):
        """Authorizers of a writer, or appointments of an authorizer."""
        given = [((owner, reader), by) for (owner, reader, right), by in self.rights.items() if right == AUTHORIZER]
        return [(*owner, reader, by) for (owner, reader), by in given if writer == owner[0] or authorizer == reader]

    # Queries

    def scope(self, caller, *, everyone, writers=()):
        """What a query can find, in the order of writing."""
        if not everyone and not writers:
            return [record for record in self.records.values() if record.writer == caller]
        found = [record for record in self.records.values() if self.may_read(caller, record)]
        return [record for record in found if not writers or record.writer in writers]

    def query(self, caller, request):
        """What a v1 query finds on all its pages."""
        lists = (("writer_ids", "writer"), ("user_ids", "user"), ("record_ids", "record_id"), ("content_types", "type"))
        found = self.scope(caller, everyone=request.get("include_all_writers"), writers=request.get("writer_ids") or ())
        for name, attribute in lists:
            if request.get(name):
                found = [record for record in found if getattr(record, attribute) in request[name]]
        expression = request.get("plain")
        return [record for record in found if expression is None or holds(expression, record.plain)]

    def search(self, caller, request):
        """What a v2 search finds on all its pages, in order."""
        found = self.scope(caller, everyone=request.get("include_all_writers"))
        match = [params for params in request.get("match") or () if any(params["terms"].values())]
        exclude = [params for params in request.get("exclude") or () if any(params["terms"].values())]
        if match:
            found = [record for record in found if any(matches(params, record) for params in match)]
        found = [record for record in found if not any(matches(params, record) for params in exclude)]
        bounds = request.get("range") or {}
        key = "modified" if bounds.get("range_key") == "MODIFIED" else "created"
        if bounds.get("after"):
            found = [record for record in found if getattr(record, key) >= bounds["after"]]
        if bounds.get("before"):
            found = [record for record in found if getattr(record, key) < bounds["before"]]
        descending = (request.get("order") or {}).get("sort_order") == "DESCENDING"
        return sorted(found, key=lambda record: (getattr(record, key), record.record_id), reverse=descending)

    # Notes

    def named(self, name):
        return next((note for note in self.notes.values() if note.name == name), None)

    def write_note(self, name):
        return 409 if name and self.named(name) else 201

    def replace_note(self, caller, name):
        old = self.named(name)
        return 403 if old and old.author != caller else 200

    def read_note(self, caller, note_id):
        note = self.notes.get(note_id)
        return 200 if note and caller == note.recipient else 404

    def count_note(self, caller, note_id):
        note = self.notes.get(note_id)
        return 200 if note and caller in {note.recipient, note.author} else 404

    def delete_note(self, caller, note_id):
        note = self.notes.get(note_id)
        return 200 if note and caller == note.author else 404

    def viewed(self, note_id):
        note = self.notes[note_id]
        if note.left == 1:
            del self.notes[note_id]
        elif note.left > 0:
            self.notes[note_id] = replace(note, left=note.left - 1)


def holds(expression, plain):
    """Whether a v1 expression is true of a plain."""
    if len(expression) == 1:
        operator, operand = next(iter(expression.items()))
        if operator == "eq":
            return plain.get(operand["name"]) == operand["value"]
        if operator == "and":
            return all(holds(part, plain) for part in operand)
        if operator == "or":
            return any(holds(part, plain) for part in operand)
        if operator == "not":
            return not holds(operand, plain)
    return expression.items() <= plain.items()


def matches(params, record):
    """Whether one match, or exclude, of a v2 search is true of a record."""
    terms, strategy = params["terms"], params.get("strategy") or "EXACT"
    visible = {key: value for key, value in record.plain.items() if strategy == "EXACT" or not key.startswith(OURS)}
    atoms = []
    metas = (("writer_ids", "writer"), ("user_ids", "user"), ("record_ids", "record_id"), ("content_types", "type"))
    for name, attribute in metas:
        atoms += [compare(strategy, term, getattr(record, attribute)) for term in terms.get(name) or ()]
    atoms += [any(compare(strategy, term, key) for key in visible) for term in terms.get("keys") or ()]
    atoms += [any(compare(strategy, term, value) for value in visible.values()) for term in terms.get("values") or ()]
    for wanted, value in (terms.get("tags") or {}).items():
        atoms.append(any(compare(strategy, wanted, key) and compare(strategy, value, found) for key, found in visible.items()))
    return all(atoms) if params.get("condition") == "AND" else any(atoms)


def compare(strategy, term, text):
    if strategy == "EXACT":
        return term == text
    if strategy == "FUZZY":
        return distance(term, text) <= (0 if len(term) <= 2 else 1 if len(term) <= 5 else 2)
    if strategy == "WILDCARD":
        return wildcard(term, text)
    return re.fullmatch(term, text, re.DOTALL) is not None  # of what is drawn, both languages think the same


def wildcard(term, text):
    if not term:
        return not text
    if term[0] == "*":
        return wildcard(term[1:], text) or (bool(text) and wildcard(term, text[1:]))
    return bool(text) and term[0] in {"?", text[0]} and wildcard(term[1:], text[1:])


@lru_cache(20_000)
def distance(one, other):
    """Edits between two texts; to swap two neighbours is one edit, and neither is edited again."""
    if not one or not other:
        return len(one) + len(other)
    steps = [distance(one[1:], other) + 1, distance(one, other[1:]) + 1, distance(one[1:], other[1:]) + (one[0] != other[0])]
    if one[:2] == other[1::-1] and len(one) > 1 and len(other) > 1:
        steps.append(distance(one[2:], other[2:]) + 1)
    return min(steps)


@pytest.mark.parametrize(
    ("strategy", "term", "text", "expected"),
    [
        ("FUZZY", "bummer", "summer", True),
        ("FUZZY", "fauna", "fluna", True),
        ("FUZZY", "fauna", "flora", False),
        ("FUZZY", "veryveryfunny", "veryveryfuzzy", True),
        ("FUZZY", "ab", "ba", False),
        ("FUZZY", "abc", "acb", True),
        ("WILDCARD", "a*c", "abbc", True),
        ("WILDCARD", "a?c", "ac", False),
        ("REGEXP", "tozny.*", "tozny_e3db", True),
        ("REGEXP", "tozny", "tozny_e3db", False),
    ],
)
def test_the_examples_of_the_protocol(strategy, term, text, expected):
    assert compare(strategy, term, text) is expected


def test_rights_by_role():
    oracle = Oracle({"writer", "user", "reader", "authorizer", "stranger"})
    record = Stored("id", "writer", "user", "t", {"k": "v"}, {}, "1", "2026-01-01", "2026-01-01")
    oracle.records["id"] = record
    oracle.rights = {(record.owner, "reader", READ): "writer", (record.owner, "authorizer", AUTHORIZER): "writer"}
    roles = ("writer", "user", "reader", "authorizer", "stranger")
    assert [oracle.read(role, "id") for role in roles] == [200, 200, 200, 404, 404]
    assert [oracle.update(role, "id", "1", record.owner) for role in roles] == [200, 403, 403, 404, 404]
    assert [oracle.delete(role, "id", "1") for role in roles] == [204, 403, 403, 403, 403]
    assert [len(oracle.query(role, {"include_all_writers": True})) for role in roles] == [1, 1, 1, 0, 0]
    assert [oracle.change(role, record.owner, "stranger", [READ]) for role in roles] == [201, 403, 403, 201, 403]
    assert [oracle.put_key(role, record.owner, "stranger") for role in roles] == [201, 403, 403, 201, 403]
