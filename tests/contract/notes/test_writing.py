"""What a note may look like, and who may write one (protocol section 14)."""

import json
from uuid import UUID

import pytest

from e3db_connectors.crypto.keypair import KeyPair

NOTES = "/v2/storage/notes"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
ZERO_TIME = "0001-01-01T00:00:00Z"
PAST, FUTURE = "2001-02-03T04:05:06.000007Z", "2201-02-03T04:05:06.000007Z"


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


def test_a_key_cannot_sign_for_another(nameless, other, http, signing):
    forged = signing(http, KeyPair(other.key, nameless.keys.private))
    assert is_error(forged.write(), 401)


def test_a_key_that_is_not_the_clients_own_is_not_taken_for_it(nameless, writer, http, signing):
    assert is_error(signing(http, nameless.keys, writer.client_id).write(), 401)


@pytest.mark.parametrize("client_id", [UNKNOWN, "nobody"])
def test_an_unknown_client_is_not_anonymous(nameless, http, client_id, signing):
    assert is_error(signing(http, nameless.keys, client_id).write(), 401)


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
def test_an_anonymous_caller_may_do_nothing_else(nameless, writer, method, path, registered):
    caller = writer.alone() if registered else nameless
    assert is_error(caller(method, path, json={}), 401)
