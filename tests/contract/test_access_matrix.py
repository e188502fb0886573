"""Every route for every relation to what it is about: who may, and what the others are told."""

import dataclasses
import hashlib
import time
from base64 import b64encode
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from e3db_connectors.crypto import signatures
from e3db_connectors.server.app import ROUTES
from e3db_connectors.wire import tsv1

RELATIONS = ("writer", "user", "reader", "authorizer", "other", "revoked", "anonymous")
CLIENTS = RELATIONS[:-1]
TYPE = "t"
BODY = b"sealed"
KEY = "/v1/storage/access_keys/{writer_id}/{user_id}/{reader_id}/{type:path}"
POLICY = "/v1/storage/policy/{user_id}/{writer_id}/{reader_id}/{type:path}"
VERSION = "/v1/storage/records/safe/{record_id}/{version}"
RECORD = "/v1/storage/records/{record_id}"
FILE = "/v1/storage/files/{file_id}"

# Statuses in the order of RELATIONS.
ALL = (200,) * 7
SIGNED_IN = (*(200,) * 6, 401)


def only_writer(status, others=403):
    return (status, *(others,) * 5, 401)


def sharers(status):
    return (status, 403, 403, status, 403, 403, 401)


def readers(status, others=404):
    return (*(status,) * 3, *(others,) * 3, 401)


class Caller:
    """A relation's own way of calling: with its token, or with its signature."""

    def __init__(self, bearer, keys, client=None):
        self.bearer, self.keys, self.client = bearer, keys, client
        self.id = client.client_id if client else ""

    def signed(self, method, path, query="", **options):
        header = tsv1.Tsv1Header(self.keys.public, int(time.time()), str(uuid4()), self.id)
        text = header.to_sign(method, path, tsv1.canonical_query(query))
        signature = signatures.sign(signatures.digest(text), self.keys.private)
        headers = {"Authorization": dataclasses.replace(header, signature=signature).text()}
        return self.bearer(method, path + (f"?{query}" if query else ""), headers=headers, **options)


class World:
    """Clients in all relations to the writer's records of a type, and one, the newcomer, that has none to them yet."""

    def __init__(self, callers, newcomer, registration_token):
        self.callers, self.newcomer, self.registration_token = callers, newcomer, registration_token
        self.writer = callers["writer"]
        self.ids = {name: caller.id for name, caller in callers.items()}
        for name, member, right in (
            ("reader", "allow", "read"),
            ("authorizer", "allow", "authorizer"),
            ("revoked", "allow", "read"),
            ("revoked", "deny", "read"),
        ):
            path = f"/v1/storage/policy/{self.ids['user']}/{self.ids['writer']}/{self.ids[name]}/{TYPE}"
            self.made("PUT", path, json={member: [{right: {}}]})
        self.made("PUT", self.key(self.ids["reader"]), json={"eak": "an-eak"})

    def made(self, method, path, **options):
        answer = self.writer.bearer(method, path, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def upload(self, **meta):
        return {"meta": {"writer_id": self.ids["writer"], "user_id": self.ids["user"], "type": TYPE, **meta}, "data": {}}

    def record(self):
        return self.made("POST", "/v1/storage/records", json=self.upload())["meta"]

    def announcement(self):
        md5 = hashlib.md5(BODY, usedforsecurity=False).digest()
        return self.upload(file_meta={"checksum": b64encode(md5).decode(), "size": len(BODY)})

    def pending(self, *, uploaded=True):
        made = self.made("POST", "/v1/storage/files", json=self.announcement())
        path = made["file_url"].removeprefix(self.writer.bearer.url)
        if uploaded:
            self.made("PUT", path, data=BODY)
        return made["id"], path

    def file(self):
        file_id, _ = self.pending()
        self.made("PATCH", f"/v1/storage/files/{file_id}")
        return file_id

    def note(self, writer, reader=None, **members):
        keys = {"recipient_signing_key": (reader or writer).keys.public, "writer_signing_key": writer.keys.public}
        more = {"writer_encryption_key": "w", "encrypted_access_key": "e", "mode": "Sodium", "signature": "signed", "data": {}}
        return {**keys, **more, **members}

    def written_note(self, **members):
        answer = self.writer.signed("POST", "/v2/storage/notes", json=self.note(self.writer, self.callers["reader"], **members))
        assert answer.status_code == 201, answer.text
        return answer.json()["note_id"]

    def key(self, reader_id, writer_id=None):
        return f"/v1/storage/access_keys/{writer_id or self.ids['writer']}/{self.ids['user']}/{reader_id}/{TYPE}"

    def policy(self, writer_id=None):
        return f"/v1/storage/policy/{self.ids['user']}/{writer_id or self.ids['writer']}/{self.newcomer}"


# What each caller does. `unknown` asks for an id that nothing has.


def plain(method, path, **options):
    return lambda _world, caller, _unknown: caller.bearer(method, path, **options)


def of_client(method, path):
    return lambda world, caller, unknown: caller.bearer(method, path.format(uuid4() if unknown else world.newcomer))


def of_record(method, path, *, body=False):
    def run(world, caller, unknown):
        meta = {"record_id": uuid4(), "version": uuid4()} if unknown else world.record()
        return caller.bearer(method, path.format(**meta), **({"json": world.upload()} if body else {}))

    return run


def of_file(method, make):
    return lambda world, caller, unknown: caller.bearer(method, FILE.format(file_id=uuid4() if unknown else make(world)))


def of_key(method, reader, **options):
    """A key of the reader, of the newcomer (which has none at first), or of the writer."""

    def run(world, caller, unknown):
        reader_id = world.newcomer if reader == "newcomer" else world.ids[reader]
        if reader != "reader":
            world.made("DELETE", world.key(reader_id))
        return caller.bearer(method, world.key(reader_id, uuid4() if unknown else None), **options)

    return run


def of_policy(right):
    def run(world, caller, unknown):
        path = f"{world.policy(uuid4() if unknown else None)}/{TYPE}"
        answer = caller.bearer("PUT", path, json={"allow": [{right: {}}]})
        world.made("PUT", f"{world.policy()}/{TYPE}", json={"deny": [{right: {}}]})
        return answer

    return run


def written(path, make=World.upload):
    return lambda world, caller, _unknown: caller.bearer("POST", path, json=make(world))


def listed(method, path):
    def run(world, caller, _unknown):
        return caller.bearer(method, path, json={"record_ids": [world.record()["record_id"]], "include_all_writers": True})

    return run


def of_note(method, path=""):
    def run(world, caller, unknown):
        note_id = uuid4() if unknown else world.written_note()
        path_of, query = (f"/{note_id}", "") if method == "DELETE" else (path, urlencode({"note_id": note_id}))
        return caller.signed(method, f"/v2/storage/notes{path_of}", query)

    return run


def replaced_note(world, caller, _unknown):
    name = f"note-{uuid4()}"
    world.written_note(id_string=name)
    return caller.signed("PUT", "/v2/storage/notes", json=world.note(caller, id_string=name))


def signed_in(_world, caller, _unknown):
    config = caller.client and caller.client.config
    return caller.bearer("POST", "/v1/auth/token", auth=(config.api_key_id, config.api_secret) if config else ("nobody", "nothing"))


def registered(world, caller, _unknown):
    new = {"name": "made", "public_key": {"curve25519": "a-key"}}
    return caller.bearer("POST", "/v1/account/e3db/clients/register", json={"token": world.registration_token, "client": new})


def backed_up(world, caller, _unknown):
    return caller.bearer("POST", f"/v1/account/backup/{world.registration_token}/{world.newcomer}")


def uploaded(world, caller, _unknown):
    return caller.bearer("PUT", world.pending(uploaded=False)[1], data=BODY)


def downloaded(world, caller, _unknown):
    url = world.made("GET", FILE.format(file_id=world.file()))["meta"]["file_meta"]["file_url"]
    return caller.bearer("GET", url.removeprefix(caller.bearer.url))


def dismissed(world, caller, unknown):
    return caller.bearer("DELETE", world.policy(uuid4() if unknown else None))


CHANGES = (200, 403, 403, 404, 404, 404, 401)
"""Of a record: who can read it is told why not."""

ROWS = {
    **{
        ("GET", path): (plain("GET", path), ALL)
        for path in ("/v1/storage/servicecheck", "/v1/auth/healthcheck", "/v1/client/healthcheck", "/openapi.json")
    },
    ("POST", "/v1/account/e3db/clients/register"): (registered, (201,) * 7),
    ("POST", "/v1/auth/token"): (signed_in, SIGNED_IN),
    ("POST", "/v1/account/backup/{registration_token:path}/{client_id}"): (backed_up, ALL),
    ("GET", "/v1/storage/clients/{client_id:path}"): (of_client("GET", "/v1/storage/clients/{}"), SIGNED_IN),
    ("GET", "/v1/client/{client_id}/public"): (of_client("GET", "/v1/client/{}/public"), SIGNED_IN),
    ("POST", "/v1/client/public"): (plain("POST", "/v1/client/public", json={"client_ids": []}), SIGNED_IN),
    ("GET", KEY): (of_key("GET", "reader"), (200, 403, 200, 403, 403, 403, 401)),
    ("PUT", KEY): (of_key("PUT", "newcomer", json={"eak": "another"}), sharers(201)),
    ("PUT", KEY, "of the writer"): (of_key("PUT", "writer", json={"eak": "another"}), only_writer(201)),
    ("DELETE", KEY): (of_key("DELETE", "newcomer"), sharers(204)),
    ("DELETE", KEY, "of the writer"): (of_key("DELETE", "writer"), only_writer(204)),
    ("POST", "/v1/storage/records"): (written("/v1/storage/records"), only_writer(201)),
    ("POST", "/v2/storage/records"): (written("/v2/storage/records"), only_writer(201)),
    ("GET", RECORD): (of_record("GET", RECORD), readers(200)),
    ("PUT", RECORD): (of_record("PUT", RECORD, body=True), CHANGES),
    ("PUT", VERSION): (of_record("PUT", VERSION, body=True), CHANGES),
    ("DELETE", RECORD): (of_record("DELETE", RECORD), only_writer(204)),
    ("DELETE", VERSION): (of_record("DELETE", VERSION), only_writer(204)),
    ("GET", "/v1/storage/records"): (listed("GET", "/v1/storage/records"), SIGNED_IN),
    ("DELETE", "/v2/storage/records/bulk/delete"): (listed("DELETE", "/v2/storage/records/bulk/delete"), SIGNED_IN),
    ("POST", "/v1/storage/search"): (listed("POST", "/v1/storage/search"), SIGNED_IN),
    ("POST", "/v2/search"): (listed("POST", "/v2/search"), SIGNED_IN),
    **{
        ("GET", path): (plain("GET", path), SIGNED_IN)
        for path in map("/v1/storage/policy/{}".format, ("outgoing", "incoming", "proxies", "granted"))
    },
    ("POST", "/v2/storage/share/outgoing"): (plain("POST", "/v2/storage/share/outgoing", json={"record_type": TYPE}), SIGNED_IN),
    ("PUT", POLICY): (of_policy("read"), sharers(201)),
    ("PUT", POLICY, "to appoint"): (of_policy("authorizer"), only_writer(201)),
    ("DELETE", "/v1/storage/policy/{user_id}/{writer_id}/{reader_id}"): (dismissed, only_writer(200)),
    ("POST", "/v1/storage/files"): (written("/v1/storage/files", World.announcement), only_writer(202)),
    ("POST", "/v2/storage/files"): (written("/v2/storage/files", World.announcement), only_writer(202)),
    ("PATCH", FILE): (of_file("PATCH", lambda world: world.pending()[0]), only_writer(201, 404)),
    ("PATCH", FILE, "again"): (of_file("PATCH", World.file), only_writer(201, 404)),
    ("GET", FILE): (of_file("GET", World.file), readers(200)),
    ("PUT", "/files/{file_token}"): (uploaded, ALL),
    ("GET", "/files/{file_token}"): (downloaded, ALL),
    ("POST", "/v2/storage/notes"): (
        lambda world, caller, _: caller.signed("POST", "/v2/storage/notes", json=world.note(caller)),
        (201,) * 7,
    ),
    ("PUT", "/v2/storage/notes"): (replaced_note, only_writer(200)),
    ("GET", "/v2/storage/notes"): (of_note("GET"), (404, 404, 200, 404, 404, 404, 404)),
    ("GET", "/v2/storage/notes/views"): (of_note("GET", "/views"), (200, 404, 200, 404, 404, 404, 404)),
    ("DELETE", "/v2/storage/notes/{note_id}"): (of_note("DELETE"), (200, *(404,) * 6)),
}

HIDDEN = [
    *(("GET", RECORD), ("PUT", RECORD), ("PUT", VERSION), ("DELETE", RECORD), ("DELETE", VERSION), ("PATCH", FILE), ("GET", FILE)),
    *(row for row in ROWS if row[1] in {KEY, POLICY} or "reader_id" in row[1]),
    *(("GET", "/v2/storage/notes"), ("GET", "/v2/storage/notes/views"), ("DELETE", "/v2/storage/notes/{note_id}")),
]


@pytest.fixture(scope="module")
def world(server, call_as, session, registration_token):
    """One for all tests: each makes what it acts upon, and takes back the rights that it gives."""
    clients = {name: server.register(name) for name in (*CLIENTS, "newcomer")}
    callers = {name: Caller(call_as(clients[name]), clients[name]._signing_keys, clients[name]) for name in CLIENTS}
    nobody = type(callers["other"].bearer)(session, server.url)
    callers["anonymous"] = Caller(nobody, signatures.generate_signing_keypair())
    yield World(callers, clients["newcomer"].client_id, registration_token)
    for client in clients.values():
        client.close()


def name_of(row):
    return " ".join(row)


def test_every_route_is_in_the_table():
    routes = {(method, route.path) for route in ROUTES for method in route.methods - {"HEAD"}}
    assert {row[:2] for row in ROWS} == routes


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_each_relation_gets_its_status(world, row):
    act, statuses = ROWS[row]
    answers = {name: act(world, caller, False) for name, caller in world.callers.items()}
    assert {name: answer.status_code for name, answer in answers.items()} == dict(zip(RELATIONS, statuses, strict=True))
    assert all(list(answer.json()) == ["error"] for answer in answers.values() if not answer.ok)


@pytest.mark.parametrize("row", HIDDEN, ids=name_of)
def test_what_is_forbidden_is_told_as_what_is_unknown(world, row):
    act, statuses = ROWS[row]
    for name, status in zip(RELATIONS, statuses, strict=True):
        if status < 400 or (statuses is CHANGES and status == 403):
            continue
        forbidden, unknown = (act(world, world.callers[name], missing) for missing in (False, True))
        assert (forbidden.status_code, forbidden.content) == (unknown.status_code, unknown.content), name


def results(answer):
    return [result["meta"]["record_id"] for result in answer.json()["results"]]


@pytest.mark.parametrize(
    ("act", "seen"),
    [
        (lambda calls, ids: calls("GET", "/v1/storage/records", json={"record_ids": ids}).json()["records"], "writer user reader"),
        (
            lambda calls, ids: results(calls("POST", "/v1/storage/search", json={"include_all_writers": True, "record_ids": ids})),
            "writer user reader",
        ),
        (lambda calls, ids: results(calls("POST", "/v1/storage/search", json={"record_ids": ids})), "writer"),
        (lambda calls, _: results(calls("POST", "/v2/search", json={"include_all_writers": True})), "writer user reader"),
        (lambda calls, _: results(calls("POST", "/v2/search", json={})), "writer"),
        (lambda calls, _: calls("GET", "/v1/storage/policy/outgoing").json(), "writer"),
        (lambda calls, _: calls("POST", "/v2/storage/share/outgoing", json={"record_type": TYPE}).json()["shares"], "writer"),
        (lambda calls, _: calls("GET", "/v1/storage/policy/incoming").json(), "reader"),
        (lambda calls, _: calls("GET", "/v1/storage/policy/proxies").json(), "writer"),
        (lambda calls, _: calls("GET", "/v1/storage/policy/granted").json(), "authorizer"),
        (
            lambda calls, ids: (
                not calls("DELETE", "/v2/storage/records/bulk/delete", json={"record_ids": ids}).json()["record_delete_error"]
            ),
            "writer",
        ),
    ],
    ids=[
        "batch",
        "query all",
        "query",
        "search all",
        "search",
        "outgoing",
        "outgoing page",
        "incoming",
        "proxies",
        "granted",
        "bulk delete",
    ],
)
def test_what_is_listed_is_what_one_may_see(world, act, seen):
    ids = [world.record()["record_id"]]
    found = {name for name in reversed(CLIENTS) if act(world.callers[name].bearer, ids)}  # the writer last, for it deletes
    assert found == set(seen.split())
