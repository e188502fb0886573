"""Notes as the server keeps them (protocol section 14): raw HTTP, each request signed, some by a key alone."""

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest

from e3db_connectors.crypto import signatures
from e3db_connectors.crypto.keypair import KeyPair
from e3db_connectors.wire import tsv1

NOTES = "/v2/storage/notes"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
ZERO_TIME = "0001-01-01T00:00:00Z"
PAST, FUTURE = "2001-02-03T04:05:06.000007Z", "2201-02-03T04:05:06.000007Z"


@dataclasses.dataclass
class Signing:
    """Calls of one signing key, with a client id or without one."""

    http: object
    keys: object
    client_id: str = ""

    @property
    def key(self):
        return self.keys.public

    def __call__(self, method, path, query="", **options):
        header = tsv1.Tsv1Header(self.key, int(time.time()), str(uuid4()), self.client_id)
        text = header.to_sign(method, path, tsv1.canonical_query(query))
        signature = signatures.sign(signatures.digest(text), self.keys.private)
        headers = {"Authorization": dataclasses.replace(header, signature=signature).text()}
        return self.http(method, path + (f"?{query}" if query else ""), headers=headers, **options)

    def write(self, method="POST", **members):
        """Write a note to oneself, unless *members* say otherwise."""
        return self(method, NOTES, json=self.note(**members))

    def note(self, **members):
        own = {"recipient_signing_key": self.key, "writer_signing_key": self.key, "writer_encryption_key": "w", "encrypted_access_key": "e"}
        return {**own, "mode": "Sodium", "signature": "signed", "data": {"field": "a.b.c.d"}, **members}

    def read(self, **query):
        return self("GET", NOTES, urlencode(query))

    def views(self, note_id):
        return self("GET", f"{NOTES}/views", f"note_id={note_id}")

    def delete(self, note_id):
        return self("DELETE", f"{NOTES}/{note_id}")


def signing_as(http, client):
    return Signing(http, client._signing_keys, client.client_id)


@pytest.fixture
def writer(http, client):
    """A client."""
    return signing_as(http, client)


@pytest.fixture
def other(http, stranger):
    """Another client."""
    return signing_as(http, stranger)


@pytest.fixture
def nameless(http):
    """A key that belongs to no client."""
    return Signing(http, signatures.generate_signing_keypair())


@pytest.fixture
def name():
    return f"note-{uuid4()}"


@pytest.fixture(params=["identified", "anonymous"])
def anybody(request, writer, nameless):
    """Either kind of caller."""
    return writer if request.param == "identified" else nameless


def is_error(answer, status):
    return answer.status_code == status and list(answer.json()) == ["error"]


# What a note looks like


def test_a_note_comes_back_with_exactly_the_members_of_the_table(writer, other, name, wire_time):
    given = {
        "mode": "sodium",
        "data": {"a": "quad", "ключ": "value;with;semicolons"},
        "plain": {"k": "v"},
        "file_meta": {"k": 1},
        "type": "letter",
        "id_string": name,
        "max_views": 3,
        "expiration": FUTURE,
        "expires": True,
        "recipient_signing_key": other.key,
    }
    written = writer.write(**given)
    note = written.json()
    assert written.status_code == 201
    assert str(UUID(note["note_id"])) == note["note_id"]
    assert wire_time.fullmatch(note["created_at"])
    assert note == {
        **writer.note(**given),
        "note_id": note["note_id"],
        "client_id": writer.client_id,
        "views": 0,
        "created_at": note["created_at"],
    }
    answer = other.read(note_id=note["note_id"])
    assert answer.status_code == 200
    assert answer.json() == note


def test_what_is_absent_has_its_default(writer):
    body = {key: value for key, value in writer.note().items() if key not in {"mode", "data"}}
    note = writer("POST", NOTES, json=body).json()
    assert {key: value for key, value in note.items() if key not in body} == {
        "note_id": note["note_id"],
        "client_id": writer.client_id,
        "created_at": note["created_at"],
        "mode": "Sodium",
        "id_string": "",
        "type": "",
        "data": {},
        "plain": {},
        "file_meta": {},
        "max_views": -1,
        "views": 0,
        "expiration": ZERO_TIME,
        "expires": False,
    }


def test_null_is_as_good_as_absent(writer):
    names = ["note_id", "id_string", "client_id", "type", "plain", "file_meta", "max_views", "views", "expiration", "expires", "eacp"]
    given = dict.fromkeys([*names, "created_at", "record_id", "is_secret"])
    absent, null = writer.write(), writer.write(**given)
    assert null.status_code == 201
    own = {"note_id", "created_at"}
    assert {k: v for k, v in null.json().items() if k not in own} == {k: v for k, v in absent.json().items() if k not in own}


def test_what_is_the_servers_to_say_is_not_taken_from_the_body(writer, other):
    note = writer.write(note_id=UNKNOWN, client_id=other.client_id, views=7, created_at=ZERO_TIME, record_id=UNKNOWN, is_secret=True).json()
    assert note["note_id"] != UNKNOWN
    assert (note["client_id"], note["views"]) == (writer.client_id, 0)
    assert not note["created_at"].startswith("0001")
    assert not {"record_id", "is_secret", "eacp"} & set(note)


def test_an_anonymous_note_has_no_client_id(nameless, writer):
    note = nameless.write(client_id=writer.client_id).json()
    assert "client_id" not in note
    assert "client_id" not in nameless.read(note_id=note["note_id"]).json()


@pytest.mark.parametrize("caller", ["writer", "nameless"])
def test_the_writers_key_must_be_the_one_that_signs(caller, other, request):
    assert is_error(request.getfixturevalue(caller).write(writer_signing_key=other.key), 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipient_signing_key": ""},
        {"recipient_signing_key": "AAAA"},
        {"recipient_signing_key": "!" * 43},
        {"writer_encryption_key": None},
        {"encrypted_access_key": 7},
        {"signature": None},
        {"data": ["a"]},
        {"data": {"a": 1}},
        {"plain": "text"},
        {"file_meta": []},
        {"max_views": "3"},
        {"max_views": 2**63},
        {"expires": "yes"},
        {"expiration": 5},
        {"id_string": "x" * 256},
        {"id_string": 5},
        {"eacp": "text"},
    ],
    ids=str,
)
def test_a_malformed_note_is_400(writer, wrong):
    assert is_error(writer.write(**wrong), 400)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("body", [b"", b"null\n", b"{", b"[]", b"\xff", b'"\\ud800"'])
def test_a_body_that_is_no_note_is_400(writer, method, body):
    assert is_error(writer(method, NOTES, data=body), 400)


@pytest.mark.parametrize(
    "eacp",
    [{"tozny_otp_eacp": {"include": True}}, {"last_access_eacp": {}}, {"unknown": 1}, {"email_eacp": None, "tozid_eacp": {}}],
    ids=str,
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_note_with_conditions_that_nobody_would_enforce_is_refused(writer, name, eacp, method):
    assert is_error(writer.write(method, id_string=name, eacp=eacp), 400)
    assert is_error(writer.read(id_string=name), 404)


@pytest.mark.parametrize("eacp", [{}, {"email_eacp": None}], ids=str)
def test_an_empty_eacp_is_none(writer, eacp):
    written = writer.write(eacp=eacp)
    assert written.status_code == 201
    assert "eacp" not in written.json()


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_note_has_at_most_256_kib(writer, name, method):
    def of_size(size):
        body = json.dumps(writer.note(id_string=name))
        return writer(method, NOTES, data=body + " " * (size - len(body)))

    assert is_error(of_size(256 * 1024 + 1), 413)
    assert of_size(256 * 1024).status_code in {200, 201}


# Who is calling


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", NOTES),
        ("PUT", NOTES),
        ("GET", f"{NOTES}?note_id={UNKNOWN}"),
        ("GET", f"{NOTES}/views?note_id={UNKNOWN}"),
        ("DELETE", f"{NOTES}/{UNKNOWN}"),
    ],
)
def test_a_bearer_token_is_no_signature(call, http, method, path):
    for caller in (call, http):
        assert is_error(caller(method, path, json={}), 401)


def test_an_anonymous_signature_is_good_for_one_request(nameless, http):
    sent = nameless.write()
    headers = {"Authorization": sent.request.headers["Authorization"]}
    assert sent.status_code == 201
    assert is_error(http("POST", NOTES, headers=headers, json=nameless.note()), 401)


def test_a_key_cannot_sign_for_another(nameless, other, http):
    forged = Signing(http, KeyPair(other.key, nameless.keys.private))
    assert is_error(forged.write(), 401)


def test_a_key_that_is_not_the_clients_own_is_not_taken_for_it(nameless, writer, http):
    assert is_error(Signing(http, nameless.keys, writer.client_id).write(), 401)


@pytest.mark.parametrize("client_id", [UNKNOWN, "nobody"])
def test_an_unknown_client_is_not_anonymous(nameless, http, client_id):
    assert is_error(Signing(http, nameless.keys, client_id).write(), 401)


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/storage/clients/{UNKNOWN}"),
        ("POST", "/v1/storage/records"),
        ("POST", "/v2/search"),
        ("POST", "/v1/client/public"),
        ("GET", "/v1/storage/policy/outgoing"),
        ("PUT", NOTES),
    ],
)
def test_an_anonymous_caller_may_do_nothing_else(http, nameless, writer, method, path, registered):
    caller = Signing(http, writer.keys) if registered else nameless
    assert is_error(caller(method, path, json={}), 401)


# Reading


def test_a_note_is_read_by_id_or_name(writer, name):
    note = writer.write(id_string=name).json()
    assert writer.read(note_id=note["note_id"]).json() == note
    assert writer.read(id_string=name).json() == {**note, "views": 1}
    assert writer.read(note_id=note["note_id"].upper()).json()["note_id"] == note["note_id"]


@pytest.mark.parametrize("odd", ["two words", "a&b=c", "50%", "日本語 🗝", "a/b;c+d", "'\"\\", "x" * 200])
def test_a_name_is_any_text(writer, odd, name):
    note = writer.write(id_string=odd + name).json()
    assert writer.read(id_string=odd + name).json() == note


@pytest.mark.parametrize(
    "query",
    ["", "note_id=", "id_string=", "note_id=nonsense", f"note_id={UNKNOWN}&id_string=x", f"note_id={UNKNOWN}&note_id={UNKNOWN}", "id=x"],
)
@pytest.mark.parametrize("path", [NOTES, f"{NOTES}/views"])
def test_a_query_that_names_not_one_note_is_400(anybody, query, path):
    assert is_error(anybody("GET", path, query), 400)


@pytest.mark.parametrize("query", [f"note_id={UNKNOWN}", "id_string=nothing-of-this-name"])
@pytest.mark.parametrize("path", [NOTES, f"{NOTES}/views"])
def test_an_unknown_note_is_404(anybody, query, path):
    assert is_error(anybody("GET", path, query), 404)


def test_only_the_recipients_key_reads_whatever_its_name(writer, other, nameless, http, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key).json()
    for stranger in (writer, nameless, Signing(http, writer.keys)):
        assert is_error(stranger.read(note_id=note["note_id"]), 404)
        assert is_error(stranger.read(id_string=name), 404)
    for recipient in (other, Signing(http, other.keys)):
        assert recipient.read(note_id=note["note_id"]).status_code == 200
        assert recipient.read(id_string=name).status_code == 200


def test_an_anonymous_note_is_read_by_its_recipient(nameless, other):
    note = nameless.write(recipient_signing_key=other.key).json()
    assert other.read(note_id=note["note_id"]).json() == note
    assert is_error(nameless.read(note_id=note["note_id"]), 404)


def test_a_padded_key_is_the_same_key(writer):
    note = writer.write(recipient_signing_key=writer.key + "=", writer_signing_key=writer.key + "=").json()
    assert writer.read(note_id=note["note_id"]).json()["recipient_signing_key"] == writer.key + "="


# Names


def test_a_name_is_taken_once_among_all_clients(writer, other, name):
    first = writer.write(id_string=name).json()
    for second in (writer, other):
        assert is_error(second.write(id_string=name), 409)
    assert writer.read(id_string=name).json() == first


def test_an_anonymous_writer_loses_the_name(writer, nameless, name):
    first = nameless.write(id_string=name)
    assert (first.status_code, first.json()["id_string"]) == (201, "")
    assert is_error(nameless.read(id_string=name), 404)
    assert writer.write(id_string=name).status_code == 201
    assert nameless.write(id_string=name, max_views=2, expiration=FUTURE).json()["max_views"] == 2


def test_notes_without_a_name_do_not_collide(writer):
    assert [writer.write(id_string=empty).status_code for empty in ("", "", None)] == [201] * 3


@pytest.mark.parametrize("way", ["expired", "used up", "deleted"])
@pytest.mark.parametrize(("method", "status"), [("POST", 201), ("PUT", 200)])
def test_a_note_that_is_gone_frees_its_name(writer, other, name, way, method, status):
    expires = {"expires": True, "expiration": PAST} if way == "expired" else {}
    note = writer.write(id_string=name, max_views=1, **expires).json()
    if way == "used up":
        assert writer.read(id_string=name).status_code == 200
    if way == "deleted":
        assert writer.delete(note["note_id"]).status_code == 200
    again = other.write(method, id_string=name)
    assert again.status_code == status
    assert again.json()["client_id"] == other.client_id


def test_of_many_writers_of_a_name_one_succeeds(writer, name):
    barrier = Barrier(6)

    def write(_):
        barrier.wait()
        return writer.write(id_string=name).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == [201, *[409] * 5]


# Replacing


def test_replacing_makes_a_new_note_in_place_of_the_old(writer, name):
    old = writer.write(id_string=name, max_views=5).json()
    writer.read(id_string=name)
    answer = writer.write("PUT", id_string=name, data={"new": "value"})
    new = answer.json()
    assert answer.status_code == 200
    assert new["note_id"] != old["note_id"]
    assert (new["data"], new["views"], new["max_views"]) == ({"new": "value"}, 0, -1)
    assert is_error(writer.read(note_id=old["note_id"]), 404)
    assert writer.read(id_string=name).json() == new


def test_replacing_what_is_not_there_creates_it(writer, name):
    answer = writer.write("PUT", id_string=name)
    assert answer.status_code == 200
    assert writer.read(id_string=name).json() == answer.json()


def test_somebody_elses_note_is_not_replaced(writer, other, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key).json()
    assert is_error(other.write("PUT", id_string=name), 403)
    assert other.read(id_string=name).json() == note


def test_a_refused_replacement_leaves_the_note(writer, other, name):
    note = writer.write(id_string=name).json()
    assert is_error(writer.write("PUT", id_string=name, writer_signing_key=other.key), 400)
    assert writer.read(id_string=name).json() == note


@pytest.mark.parametrize("missing", ["", None])
def test_a_replacement_needs_a_name(writer, missing):
    assert is_error(writer.write("PUT", id_string=missing), 400)


# Views


def test_after_its_last_view_a_note_is_gone(writer, other, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key, max_views=3).json()
    seen = []
    for _ in range(3):
        assert is_error(writer.read(id_string=name), 404)  # which does not count
        seen.append((other.views(note["note_id"]).json(), other.read(id_string=name).json()["views"]))
    assert seen == [(3, 0), (2, 1), (1, 2)]
    assert is_error(other.read(note_id=note["note_id"]), 404)
    assert is_error(other.read(id_string=name), 404)
    assert is_error(other.views(note["note_id"]), 404)
    assert is_error(writer.delete(note["note_id"]), 404)


@pytest.mark.parametrize("max_views", [None, 0, -1])
def test_without_a_number_of_views_there_is_no_limit(anybody, max_views):
    note = anybody.write(max_views=max_views).json()
    assert [anybody.read(note_id=note["note_id"]).json()["views"] for _ in range(4)] == [0, 1, 2, 3]
    assert anybody.views(note["note_id"]).json() == -1


def test_the_views_left_are_a_bare_number_for_writer_and_recipient(writer, other, nameless):
    note_id = writer.write(recipient_signing_key=other.key, max_views=1).json()["note_id"]
    for caller in (writer, other):
        answer = caller.views(note_id)
        assert (answer.status_code, answer.text) == (200, "1")
        assert answer.headers["Content-Type"] == "application/json"
    assert is_error(nameless.views(note_id), 404)
    assert other.read(note_id=note_id).status_code == 200


def test_of_eight_readers_at_once_three_see_a_note_of_three_views(writer):
    note_id = writer.write(max_views=3).json()["note_id"]
    barrier = Barrier(8)

    def read(_):
        barrier.wait()
        return writer.read(note_id=note_id)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [404] * 5
    assert sorted(answer.json()["views"] for answer in answers if answer.status_code == 200) == [0, 1, 2]


# Expiry


@pytest.mark.parametrize("past", [PAST, "2001-02-03T04:05:06Z", "2001-02-03T04:05:06+07:00", "Sat Feb 03 04:05:06 UTC 2001"])
def test_a_note_past_its_time_is_gone(anybody, past):
    note_id = anybody.write(expires=True, expiration=past).json()["note_id"]
    assert is_error(anybody.views(note_id), 404)
    assert is_error(anybody.read(note_id=note_id), 404)
    assert is_error(anybody.delete(note_id), 404)


@pytest.mark.parametrize(
    ("expires", "expiration"),
    [(True, FUTURE), (True, ZERO_TIME), (True, None), (True, ""), (False, PAST), (None, PAST), (True, "Tue Jul 28 10:00:00 CEST 2026")],
)
def test_a_note_without_flag_and_past_time_stays(writer, expires, expiration):
    note = writer.write(expires=expires, expiration=expiration).json()
    assert writer.read(note_id=note["note_id"]).status_code == 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (FUTURE, FUTURE),
        ("2201-02-03T04:05:06Z", "2201-02-03T04:05:06.000001Z"),
        ("2201-02-03T04:05:06.123456789+01:00", "2201-02-03T03:05:06.123456Z"),
        ("2201-02-03 04:05:06", "2201-02-03T04:05:06.000001Z"),
        ("Tue Jul 28 10:00:00 UTC 2201", "2201-07-28T10:00:00.000001Z"),
        ("Tue Jul 28 10:00:00 GMT 2201", "2201-07-28T10:00:00.000001Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        (ZERO_TIME, ZERO_TIME),
        (None, ZERO_TIME),
        ("", ZERO_TIME),
        ("Tue Jul 28 10:00:00 CEST 2201", ZERO_TIME),
        ("soon", ZERO_TIME),
    ],
)
def test_times_of_any_sdk_are_taken(writer, given, told):
    assert writer.write(expiration=given, expires=True).json()["expiration"] == told


def test_the_time_that_counts_is_the_servers_own_to_the_second(writer):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    note_id = writer.write(expires=True, expiration=soon.isoformat()).json()["note_id"]
    deadline = time.monotonic() + 10
    while writer.views(note_id).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert datetime.now(UTC) >= soon


# Deleting


def test_a_writer_deletes_its_note_once(anybody):
    note_id = anybody.write().json()["note_id"]
    answer = anybody.delete(note_id)
    assert (answer.status_code, answer.json()) == (200, {})
    assert is_error(anybody.delete(note_id), 404)
    assert is_error(anybody.read(note_id=note_id), 404)


def test_only_the_writer_deletes(writer, other, nameless, http):
    note_id = writer.write(recipient_signing_key=other.key).json()["note_id"]
    for caller in (other, nameless, Signing(http, writer.keys), Signing(http, other.keys)):
        assert is_error(caller.delete(note_id), 404)
    assert other.read(note_id=note_id).status_code == 200


def test_an_anonymous_note_is_deleted_by_its_key_alone(nameless, writer):
    note_id = nameless.write(recipient_signing_key=writer.key).json()["note_id"]
    assert is_error(writer.delete(note_id), 404)
    assert nameless.delete(note_id).status_code == 200


@pytest.mark.parametrize("note_id", ["nonsense", quote("a b"), "views"])
def test_deleting_a_malformed_id_is_400(anybody, note_id):
    assert is_error(anybody.delete(note_id), 400)


def test_notes_survive_a_restart_with_their_views(running_server, session, tmp_path):
    def calls(server):
        return lambda method, path, **options: session.request(method, server.url + path, timeout=30, **options)

    with running_server(tmp_path) as first, first.register() as client:
        writer = signing_as(calls(first), client)
        note = writer.write(max_views=2).json()
        writer.read(note_id=note["note_id"])
    with running_server(tmp_path) as second:
        writer.http = calls(second)
        assert writer.read(note_id=note["note_id"]).json() == {**note, "views": 1}
        assert is_error(writer.read(note_id=note["note_id"]), 404)
    assert NOTES in (tmp_path / "server.log").read_text()
