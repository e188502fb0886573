"""Clients of a server and what they do about records and shares; the rest, and the test, stand in `test_state_machine`."""

from itertools import pairwise
from urllib.parse import quote
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from e3db_connectors.client.auth import Tsv1Auth

from .test_state_machine_oracle import AUTHORIZER, READ, Oracle, Stored

RECORDS = "/v1/storage/records"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
WRITERS = ("owner", "second")
PEOPLE = (*WRITERS, "reader", "authorizer", "user", "stranger")
TYPES = ("note", "list", "two words/slash")
KEYS = ("k", "kk", "city", "_e3db_k")
VALUES = ("", "a", "ab", "abc", "acb", "abcdef", "abcdfe", "A", "grün 💡")
SOME = (
    ("owner", "", "note", "a", "abc", "ab", "abcdef"),
    ("owner", "", "note", "abc", "a"),
    ("owner", "", "list", "acb", "", "abcdef"),
    ("owner", "user", "note", "ab"),
    ("second", "", "list", "a", "a"),
    ("second", "user", "list", "abcdef", "A", "", "a"),
)
"""What there is from the first step on: writer, user, type, and values of plain."""

writers = st.sampled_from(WRITERS)
people = st.sampled_from(PEOPLE)
readers = st.sampled_from(("reader", "reader", "second", "user", "owner", "authorizer", "nobody"))
types = st.sampled_from(TYPES)
picks = st.integers(0, 40)
plains = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3)
data = st.dictionaries(st.sampled_from(("one", "two", "drei")), st.text(max_size=5), max_size=2)


def some(values, most=2):
    return st.lists(values, max_size=most, unique=True)


class Sharing(RuleBasedStateMachine):
    """New clients of one server, and the oracle."""

    def __init__(self, server, call_as, counts):
        super().__init__()
        self.server, self.call_as, self.counts = server, call_as, counts
        self.counts["runs"] += 1

    @initialize()
    def begin(self):
        self.clients = {name: self.server.register(name) for name in PEOPLE}
        self.calls = {name: self.call_as(client) for name, client in self.clients.items()}
        self.ids = {name: client.client_id for name, client in self.clients.items()} | {"nobody": UNKNOWN}
        self.oracle = Oracle(set(self.ids.values()) - {UNKNOWN})
        self.record_ids, self.note_ids, self.times, self.places = [UNKNOWN], [UNKNOWN], [], {}
        for writer, about, type_, *values in SOME:
            self.write(writer, about, type_, dict(zip(KEYS, values, strict=False)), {"one": writer}, "n")
        for writer, type_ in (("owner", "note"), ("second", "list")):
            self.change(writer, self.owner(writer, "", type_), self.ids["reader"], [READ], allow=True)

    @invariant()
    def count_steps(self):
        self.counts["steps"] += 1

    def teardown(self):
        for client in self.clients.values():
            client.close()

    def call(self, name, method, path, status, **options):
        """Call as somebody; the answer has to be of this status, and an error be told in words. Its body."""
        self.counts["requests"] += 1
        answer = self.calls[name](method, path, **options)
        assert answer.status_code == status, (name, method, path, options, answer.text)
        if status >= 400:
            assert list(answer.json()) == ["error"]
        return answer.json() if answer.content else None

    def signed(self, name, method, path, status, **options):
        return self.call(name, method, path, status, auth=Tsv1Auth(self.clients[name]._signing_keys, self.ids[name]), **options)

    def pick(self, number):
        """Ids of records that there are, or have been, or never were."""
        return self.record_ids[-1 - number % len(self.record_ids)]

    def told(self, time):
        """Times that records are given only ever rise."""
        assert not self.times or time > self.times[-1]
        self.times.append(time)

    @staticmethod
    def meta(record):
        return {
            "record_id": record.record_id,
            "writer_id": record.writer,
            "user_id": record.user,
            "type": record.type,
            "plain": record.plain,
            "created": record.created,
            "last_modified": record.modified,
            "version": record.version,
        }

    def entries(self, caller, records, *, with_data):
        """Records as a page has them for a caller."""
        for record in records:
            key = self.oracle.keys.get((record.owner, caller)) if with_data else None
            yield self.meta(record), record.data if with_data else None, key, None

    @staticmethod
    def page(results):
        for result in results:
            key = result["access_key"]
            yield result["meta"], result["record_data"], key and (key["eak"], key["authorizer_id"]), result["rec_sig"]

    # Records

    def upload(self, writer, user, type_, plain, values):
        return {"meta": {"writer_id": writer, "user_id": user, "type": type_, "plain": plain}, "data": values}

    @rule(
        caller=writers,
        about=st.sampled_from(("", "", "user", "reader")),
        type_=types,
        plain=plains,
        values=data,
        forged=st.sampled_from("nnnny"),
    )
    def write(self, caller, about, type_, plain, values, forged):
        writer = self.ids["stranger" if forged == "y" else caller]
        user = self.ids[about or caller]
        status = self.oracle.write(self.ids[caller], writer)
        path = RECORDS if forged == "n" else "/v2/storage/records"
        body = self.call(caller, "POST", path, status, json=self.upload(writer, user, type_, plain, values))
        if status == 201:
            self.take(body, plain, values)

    def take(self, body, plain, values):
        """Believe an answer only what the server has to make up."""
        meta = body["meta"]
        self.told(meta["last_modified"])
        old = self.oracle.records.get(meta["record_id"])
        assert old is None or (meta["created"], old.owner) == (old.created, (meta["writer_id"], meta["user_id"], meta["type"]))
        assert old is not None or meta["created"] == meta["last_modified"]
        assert old is None or meta["version"] != old.version
        ids = (meta["record_id"], meta["writer_id"], meta["user_id"], meta["type"])
        record = Stored(*ids, plain, values, meta["version"], meta["created"], meta["last_modified"])
        assert body == {"meta": self.meta(record), "data": values, "rec_sig": None}
        if old is None:
            self.record_ids.append(record.record_id)
        self.oracle.records[record.record_id] = record

    def at(self, record_id, how):
        """The version to act at, and the path."""
        record = self.oracle.records.get(record_id)
        version = {"current": record.version if record else UNKNOWN, "stale": str(uuid4()), "any": None}[how]
        return version, f"{RECORDS}/{record_id}" if version is None else f"{RECORDS}/safe/{record_id}/{version}"

    versions = st.sampled_from(("current", "current", "stale", "any"))

    @rule(caller=people, own=st.booleans(), number=picks, how=versions, plain=plains, values=data, moved=st.sampled_from("nnny"))
    def update(self, caller, own, number, how, plain, values, moved):
        record_id = self.pick(number)
        record = self.oracle.records.get(record_id)
        caller = self.name_of(record.writer) if own and record else caller
        version, path = self.at(record_id, how)
        owner = record.owner if record else (self.ids[caller], self.ids[caller], "note")
        owner = (owner[0], owner[1], "other") if moved == "y" else owner
        status = self.oracle.update(self.ids[caller], record_id, version, owner)
        body = self.call(caller, "PUT", path, status, json=self.upload(*owner, plain, values))
        if status == 200:
            self.take(body, plain, values)

    def name_of(self, client_id):
        return next(name for name, known in self.ids.items() if known == client_id)

    @rule(caller=people, own=st.booleans(), number=picks, how=versions)
    def delete(self, caller, own, number, how):
        record_id = self.pick(number)
        record = self.oracle.records.get(record_id)
        caller = self.name_of(record.writer) if own and record else caller
        version, path = self.at(record_id, how)
        status = self.oracle.delete(self.ids[caller], record_id, version)
        self.call(caller, "DELETE", path, status)
        if status == 204:
            del self.oracle.records[record_id]

    @rule(caller=people, numbers=st.lists(picks, max_size=3))
    def bulk_delete(self, caller, numbers):
        record_ids = [self.pick(number) for number in numbers]
        gone, missing = self.oracle.bulk_delete(self.ids[caller], record_ids)
        body = self.signed(caller, "DELETE", "/v2/storage/records/bulk/delete", 200, json={"record_ids": record_ids})
        failed = {"N/A": [{"record_id": record_id, "error": "Not Found"} for record_id in missing]} if missing else {}
        assert body == {"record_delete_error": failed}
        for record_id in gone:
            del self.oracle.records[record_id]

    @rule(number=picks)
    def read(self, number):
        record_id = self.pick(number)
        for name in PEOPLE:
            status = self.oracle.read(self.ids[name], record_id)
            body = self.call(name, "GET", f"{RECORDS}/{record_id}", status)
            if status == 200:
                record = self.oracle.records[record_id]
                assert body == {"meta": self.meta(record), "data": record.data, "rec_sig": None}

    @rule(numbers=st.lists(picks, max_size=6), with_data=st.booleans())
    def batch_get(self, numbers, with_data):
        record_ids = [self.pick(number) for number in numbers]
        for name in PEOPLE:
            body = self.call(name, "GET", RECORDS, 200, json={"record_ids": record_ids, "include_data": with_data})
            expected = self.oracle.batch(self.ids[name], record_ids)
            assert [*self.page(body["records"])] == [*self.entries(self.ids[name], expected, with_data=with_data)]

    # Sharing

    def change(self, caller, owner, reader, rights, *, allow):
        status = self.oracle.change(self.ids[caller], owner, reader, rights)
        path = f"/v1/storage/policy/{owner[1]}/{owner[0]}/{reader}/{quote(owner[2])}"
        self.call(caller, "PUT", path, status, json={"allow" if allow else "deny": [{right: {}} for right in rights]})
        for right in rights if status == 201 else ():
            if allow:
                self.oracle.rights.setdefault((owner, reader, right), self.ids[caller])
            else:
                self.oracle.rights.pop((owner, reader, right), None)

    def owner(self, writer, about, type_):
        return self.ids[writer], self.ids[about or writer], type_

    abouts = st.sampled_from(("", "", "", "user"))

    @rule(writer=writers, about=abouts, reader=readers, type_=types, allow=st.booleans())
    def share_or_revoke(self, writer, about, reader, type_, allow):
        self.change(writer, self.owner(writer, about, type_), self.ids[reader], [READ], allow=allow)

    @rule(writer=writers, about=abouts, type_=types, allow=st.sampled_from((True, True, False)))
    def authorize_or_dismiss(self, writer, about, type_, allow):
        self.change(writer, self.owner(writer, about, type_), self.ids["authorizer"], [AUTHORIZER], allow=allow)

    @rule(writer=writers, about=abouts, reader=readers, type_=types, allow=st.booleans())
    def share_or_revoke_on_behalf(self, writer, about, reader, type_, allow):
        self.change("authorizer", self.owner(writer, about, type_), self.ids[reader], [READ], allow=allow)

    @rule(
        caller=people,
        writer=writers,
        about=abouts,
        reader=readers,
        type_=types,
        allow=st.booleans(),
        rights=some(st.sampled_from((READ, AUTHORIZER))),
    )
    def change_anything(self, caller, writer, about, reader, type_, allow, rights):
        self.change(caller, self.owner(writer, about, type_), self.ids[reader], rights or [READ], allow=allow)

    @rule(caller=st.sampled_from((*WRITERS, "authorizer")), writer=writers, about=abouts)
    def dismiss_for_all_types(self, caller, writer, about):
        writer_id, user_id, authorizer = self.ids[writer], self.ids[about or writer], self.ids["authorizer"]
        allowed = caller == writer
        self.call(caller, "DELETE", f"/v1/storage/policy/{user_id}/{writer_id}/{authorizer}", 200 if allowed else 403)
        for owner, reader, right in list(self.oracle.rights) if allowed else ():
            if (*owner[:2], reader, right) == (writer_id, user_id, authorizer, AUTHORIZER):
                del self.oracle.rights[owner, reader, right]

    @rule(caller=people, writer=writers, about=abouts, reader=readers, type_=types, method=st.sampled_from(("PUT", "PUT", "DELETE")))
    def change_a_key(self, caller, writer, about, reader, type_, method):
        owner, eak = self.owner(writer, about, type_), str(uuid4())
        asked = self.oracle.put_key if method == "PUT" else self.oracle.delete_key
        status = asked(self.ids[caller], owner, self.ids[reader])
        body = self.call(caller, method, self.key_path(owner, self.ids[reader]), status, json={"eak": eak})
        if status == 201:
            assert body == {"eak": eak}
            self.oracle.keys[owner, self.ids[reader]] = (eak, self.ids[caller])
        elif status == 204:
            self.oracle.keys.pop((owner, self.ids[reader]), None)

    @staticmethod
    def key_path(owner, reader):
        return f"/v1/storage/access_keys/{owner[0]}/{owner[1]}/{reader}/{quote(owner[2])}"

    @rule(writer=writers, about=abouts, reader=readers, type_=types)
    def get_a_key(self, writer, about, reader, type_):
        owner = self.owner(writer, about, type_)
        for name in PEOPLE:
            status = self.oracle.get_key(self.ids[name], owner, self.ids[reader])
            body = self.call(name, "GET", self.key_path(owner, self.ids[reader]), status)
            if status == 200:
                assert (body["eak"], body["authorizer_id"]) == self.oracle.keys[owner, self.ids[reader]]
                assert body["signer_id"] == owner[0]

    @rule(kind=st.sampled_from(("outgoing", "incoming", "proxies", "granted")))
    def list_shares(self, kind):
        names = {client_id: name for name, client_id in self.ids.items()}
        for name in PEOPLE:
            listed = self.call(name, "GET", f"/v1/storage/policy/{kind}", 200)
            if kind in {"proxies", "granted"}:
                members = ("writer_id", "user_id", "record_type", "authorizer_id", "authorized_by")
                expected = self.oracle.authorizations(**{"writer" if kind == "proxies" else "authorizer": self.ids[name]})
            else:
                other = "reader" if kind == "outgoing" else "writer"
                members = (f"{other}_id", "record_type", f"{other}_name")
                expected = [(*share, names[share[0]]) for share in getattr(self.oracle, kind)(self.ids[name])]
            assert [tuple(entry[member] for member in members) for entry in listed] == expected
            if kind == "incoming":
                assert all(one["granted"] < later["granted"] for one, later in pairwise(listed))
