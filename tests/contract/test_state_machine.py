"""Clients do whatever comes to hypothesis' mind; a plain dictionary knows what the server has to answer, to each of them."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from e3db_connectors import Search

from .test_state_machine_oracle import NoteStored
from .test_state_machine_rules import KEYS, PEOPLE, VALUES, Sharing, people, picks, some, types, writers

QUERY, SEARCH, NOTES = "/v1/storage/search", "/v2/search", "/v2/storage/notes"
TERMS = {
    "EXACT": (*VALUES, *KEYS),
    "FUZZY": ("", "ab", "abc", "acc", "abcdef", "xbcdfe", "k", "citi", "grn 💡"),
    "WILDCARD": ("", "*", "?", "a*", "*b*", "a?c", "k?", "_e3db*", "gr?n *"),
    "REGEXP": ("", "a.*", "[ab]+", "(ab|ba)c?", "[^a]*", "k{1,2}", "^abc$", ".*💡"),
}

equal = st.builds(lambda name, value: {"eq": {"name": name, "value": value}}, st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.recursive(
    equal | st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2),
    lambda part: (
        st.builds(lambda parts, word: {word: parts}, st.lists(part, max_size=3), st.sampled_from(("and", "or")))
        | part.map(lambda one: {"not": one})
    ),
    max_leaves=5,
)


queries = st.fixed_dictionaries(
    {"include_all_writers": st.sampled_from((True, True, False)), "include_data": st.booleans()},
    optional={
        "writer_ids": some(writers),
        "user_ids": some(people),
        "record_ids": some(picks, 9),
        "content_types": some(types),
        "plain": expressions,
    },
)


@st.composite
def params(draw):
    """A match or exclude; ids are names of clients, or numbers of records, that `Machine.terms` puts ids in the place of."""
    strategy = draw(st.sampled_from(("EXACT", "EXACT", "FUZZY", "WILDCARD", "REGEXP")))
    terms = st.sampled_from(TERMS[strategy])
    lists = {"writer_ids": people, "user_ids": people, "record_ids": picks, "content_types": types, "keys": terms, "values": terms}
    chosen = {name: draw(some(lists[name])) for name in draw(st.sets(st.sampled_from(sorted(lists)), max_size=2))}
    chosen["tags"] = draw(st.dictionaries(terms, terms, max_size=2)) if draw(st.booleans()) else {}
    return {"strategy": strategy, "condition": draw(st.sampled_from(("OR", "AND"))), "terms": chosen}


searches = st.fixed_dictionaries(
    {"include_all_writers": st.sampled_from((True, True, False)), "include_data": st.booleans()},
    optional={
        "match": st.lists(params(), max_size=2),
        "exclude": st.lists(params(), max_size=2),
        "range": st.fixed_dictionaries(
            {}, optional={"range_key": st.sampled_from(("CREATED", "MODIFIED")), "after": picks, "before": picks}
        ),
        "order": st.fixed_dictionaries({"sort_order": st.sampled_from(("ASCENDING", "DESCENDING"))}),
    },
)


class Machine(Sharing):
    """What clients look for, and their notes."""

    # Queries

    def fill(self, members):
        """Ids in the place of names of clients and numbers of records."""
        found = dict(members)
        for member in found.keys() & {"writer_ids", "user_ids"}:
            found[member] = [self.ids[name] for name in members[member]]
        if "record_ids" in found:
            found["record_ids"] = [self.pick(number) for number in members["record_ids"]]
        return found

    @rule(asked=st.lists(queries, min_size=3, max_size=3), walker=people, size=st.integers(1, 7))
    def query(self, asked, walker, size):
        for name, members in zip(PEOPLE, 2 * asked, strict=True):
            request = self.fill(members)
            records = self.oracle.query(self.ids[name], request)
            expected = [*self.entries(self.ids[name], records, with_data=request["include_data"])]
            index, found, count = 0, [], size if name == walker else 1000
            while True:
                body = self.call(name, "POST", QUERY, 200, json={**request, "count": count, "after_index": index})
                page = [*self.page(body["results"])]
                found += page
                assert len(page) <= count
                if not page:
                    assert body["last_index"] == index
                    break
                assert body["last_index"] > index
                index = body["last_index"]
                # A record stays where it is in the order of all.
                assert self.places.setdefault(index, page[-1][0]["record_id"]) == page[-1][0]["record_id"]
                if len(found) >= len(expected) and name != walker:
                    break
            assert found == expected

    def terms(self, given):
        """The same with ids, or patterns that fit ids."""
        terms = self.fill(given["terms"])
        pattern = {
            "EXACT": str,
            "FUZZY": lambda text: text[:5] + text[6:],
            "WILDCARD": lambda text: text[:2] + "*" + text[-1:] + "?"[: len(text) % 2],
            "REGEXP": lambda text: text[:3] + ".*",
        }[given["strategy"]]
        ids = {"writer_ids", "user_ids", "record_ids", "content_types"}
        terms = {name: [*map(pattern, values)] if name in ids else values for name, values in terms.items()}
        return {**given, "terms": terms}

    def time(self, number):
        return self.times[-1 - number % len(self.times)] if self.times else None

    @rule(asked=st.lists(searches, min_size=3, max_size=3), walker=people, size=st.integers(1, 7))
    def search(self, asked, walker, size):
        for name, members in zip(PEOPLE, 2 * asked, strict=True):
            request = dict(members)
            for member in request.keys() & {"match", "exclude"}:
                request[member] = [self.terms(given) for given in members[member]]
            if "range" in request:
                request["range"] = {name: self.time(value) if name != "range_key" else value for name, value in members["range"].items()}
            records = self.oracle.search(self.ids[name], request)
            expected = [*self.entries(self.ids[name], records, with_data=request["include_data"])]
            offset, found, limit = 0, [], size if name == walker else 1000
            while True:
                body = self.call(name, "POST", SEARCH, 200, json={**request, "limit": limit, "next_token": offset})
                page = [*self.page(body["results"])]
                found += page
                assert body["total_results"] == len(expected), (name, request, found, expected)
                assert len(page) == min(limit, len(expected) - offset)
                offset = body["last_index"]
                assert offset == (len(found) if len(found) < len(expected) else 0)
                if not offset:
                    break
            assert found == expected

    @rule(caller=people)
    def walk_with_the_client(self, caller):
        """The product's own client sees the same."""
        client, everything = self.clients[caller], {"include_all_writers": True}
        queried = [record.meta.record_id for record in client.query_all(data=False, writer="all", page_size=3)]
        assert queried == [record.record_id for record in self.oracle.query(self.ids[caller], everything)]
        searched = [record.meta.record_id for record in client.search_all(Search(include_all_writers=True, count=3))]
        assert searched == [record.record_id for record in self.oracle.search(self.ids[caller], everything)]

    # Notes

    def note_at(self, number):
        return self.note_ids[-1 - number % len(self.note_ids)]

    @rule(author=people, recipient=people, name=st.sampled_from("-ab"), views=st.sampled_from((None, 1, 2, 3)), over=st.booleans())
    def write_note(self, author, recipient, name, views, over):
        name = "" if name == "-" else f"{self.ids['owner']} {name}"
        over = over and bool(name)
        status = self.oracle.replace_note(self.ids[author], name) if over else self.oracle.write_note(name)
        keys = {"recipient_signing_key": self.key_of(recipient), "writer_signing_key": self.key_of(author)}
        members = {"id_string": name, "max_views": views, "data": {"a": str(len(self.note_ids))}}
        note = {**keys, **members, "mode": "Sodium", "signature": "s", "writer_encryption_key": "w", "encrypted_access_key": "e"}
        body = self.signed(author, "PUT" if over else "POST", NOTES, status, json=note)
        if status < 300:
            old = self.oracle.named(name) if name else None
            if old:
                del self.oracle.notes[old.note_id]
            assert {member: body[member] for member in ("id_string", "data")} == {"id_string": name, "data": members["data"]}
            self.note_ids.append(body["note_id"])
            stored = NoteStored(body["note_id"], name, self.ids[author], self.ids[recipient], views or -1)
            self.oracle.notes[stored.note_id] = stored

    def key_of(self, name):
        return self.clients[name].config.public_signing_key

    @rule(number=picks, by_name=st.booleans())
    def read_note(self, number, by_name):
        note_id = self.note_at(number)
        for name in PEOPLE:
            note = self.oracle.notes.get(note_id)
            status = self.oracle.read_note(self.ids[name], note_id)
            query = {"id_string": note.name} if by_name and note and note.name else {"note_id": note_id}
            body = self.signed(name, "GET", NOTES, status, params=query)
            if status == 200:
                assert body["data"] == {"a": str(self.note_ids.index(note_id))}
                self.oracle.viewed(note_id)

    @rule(number=picks)
    def count_views(self, number):
        note_id = self.note_at(number)
        for name in PEOPLE:
            status = self.oracle.count_note(self.ids[name], note_id)
            body = self.signed(name, "GET", f"{NOTES}/views", status, params={"note_id": note_id})
            if status == 200:
                assert body == self.oracle.notes[note_id].left

    @rule(caller=people, number=picks)
    def delete_note(self, caller, number):
        note_id = self.note_at(number)
        status = self.oracle.delete_note(self.ids[caller], note_id)
        self.signed(caller, "DELETE", f"{NOTES}/{note_id}", status)
        if status == 200:
            del self.oracle.notes[note_id]


@pytest.mark.proof
def test_the_server_does_what_the_oracle_says(server, call_as, proof):
    counts, full = Counter(), proof.size(0, 1)
    phases = [Phase.generate, *([Phase.shrink] if full else [])]  # which takes longer than a test may that is not in full
    run_state_machine_as_test(
        lambda: Machine(server, call_as, counts),
        settings=settings(
            max_examples=proof.size(10, 500),
            stateful_step_count=proof.size(30, 100),
            deadline=None,
            database=None,
            derandomize=bool(os.environ.get("CI")),
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
    proof.report("state machine", **counts)
