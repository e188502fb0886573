"""Requests made up from the server's own description, and broken ones: none is answered 500, and every answer is one that is described."""

import json
import random
import re
from base64 import b64encode
from collections import Counter

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from e3db_connectors.client.auth import NoAuth, Tsv1Auth
from e3db_connectors.server.app import ROUTES
from e3db_connectors.server.openapi import describe

SCHEMA = schemathesis.openapi.from_dict(describe(ROUTES))
OPERATIONS = {found.ok().definition.raw["operationId"]: found.ok() for found in SCHEMA.get_all_operations()}
WITH_BODY = {
    name: operation
    for name, operation in OPERATIONS.items()
    if "application/json" in operation.definition.raw.get("requestBody", {}).get("content", {})
}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
INSIDE = re.compile(r"Traceback|File \"|sqlalchemy|sqlite3|psycopg|SELECT |INSERT |site-packages|e3db_connectors/", re.ASCII)
"""What an answer says nothing of."""

MD5 = b64encode(bytes(16)).decode()


def check_error(answer):
    """An error is described in words, shows nothing of the inside, and is no failure of the server."""
    if answer.status_code >= 400:
        body = json.loads(answer.content)
        assert list(body) == ["error"]
        assert isinstance(body["error"], str)
        assert body["error"]
        assert not INSIDE.search(body["error"])
    assert answer.status_code < 500


@pytest.fixture
def known(client, stranger, call, registration_token, tmp_path):
    """Values with which requests get further than to the first check, by the names of what they are for."""
    record = client.write("note", {"a": "1"}, {"k": "v"}).meta
    (tmp_path / "file").write_bytes(b"x" * 1000)
    file_id = client.write_file("scan", tmp_path / "file").meta.record_id
    url = call("GET", f"/v1/storage/files/{file_id}").json()["meta"]["file_meta"]["file_url"]
    own, key = client.client_id, client.config.public_signing_key
    return {
        **dict.fromkeys(("client_id", "writer_id", "user_id"), own),
        **dict.fromkeys(("type", "record_type"), "note"),
        **dict.fromkeys(("token", "registration_token"), registration_token),
        **dict.fromkeys(("writer_signing_key", "recipient_signing_key"), key),
        **{name: [{"read": {}}] for name in ("allow", "deny")},
        "reader_id": stranger.client_id,
        "record_id": record.record_id,
        "version": record.version,
        "file_id": file_id,
        "file_token": url.rsplit("/", 1)[1],
        "file_meta": {"checksum": MD5, "size": 1000},
        "public_key": {"curve25519": client.config.public_key},
        "note_id": client.write_note({"a": "1"}, client.config.public_key, key).note_id,
    }


@pytest.fixture
def ways(client, call):
    """Ways to sign in, by the schemes of the description."""
    config = client.config

    def bearer(request):
        request.headers["Authorization"] = f"Bearer {call.token}"
        return request

    basic = HTTPBasicAuth(config.api_key_id, config.api_secret)
    return {"bearer": bearer, "tsv1": Tsv1Auth(client._signing_keys, client.client_id), "basic": basic}


def schemes_of(operation, ways):
    return [ways[scheme] for entry in operation.definition.raw["security"] for scheme in entry] or [NoAuth()]


def with_known(value, known, often, dice):
    """A body, some of whose members are replaced by what is known."""
    if isinstance(value, dict):
        pairs = ((name, known.get(name) if dice.random() < often else None, member) for name, member in value.items())
        return {name: replacement or with_known(member, known, often, dice) for name, replacement, member in pairs}
    return value


@pytest.mark.proof
@pytest.mark.parametrize("part", dict.fromkeys(operation.tags[0] for operation in OPERATIONS.values()))
def test_every_answer_is_described(part, server, session, known, ways, proof):
    """Now and then nobody is signed in, which has to be noticed."""
    statuses = Counter()

    def tried(name, mode):
        operation = OPERATIONS[name]
        schemes = schemes_of(operation, ways)

        @settings(
            max_examples=proof.size(5, 100),
            deadline=None,
            database=None,
            derandomize=proof.size(1, 0) == 1,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode), st.randoms(use_true_random=True))
        def attempt(case, dice):
            case.path_parameters = with_known(case.path_parameters, known, 0.8, dice)
            case.query = with_known(case.query, known, 0.8, dice)
            case.body = with_known(case.body, known, 0.9 if mode is GenerationMode.POSITIVE else 0.5, dice)
            auth = NoAuth() if dice.random() < 0.1 else dice.choice(schemes)
            answer = case.call(base_url=server.url, session=session, auth=auth, timeout=30)
            statuses[answer.status_code] += 1
            check_error(answer)
            if isinstance(auth, NoAuth) and operation.definition.raw["security"]:
                assert answer.status_code == 401
            case.validate_response(answer, checks=CHECKS)

        return attempt

    # What deletes goes last, or the others would find nothing.
    for name in sorted(OPERATIONS, key=lambda name: "delete" in name):
        if part in OPERATIONS[name].tags:
            tried(name, GenerationMode.POSITIVE)()
            if name in WITH_BODY:
                tried(name, GenerationMode.NEGATIVE)()
    good = sum(count for status, count in statuses.items() if status < 300)
    proof.report(f"requests made up, {part}", requests=statuses.total(), answered_2xx=good, answered_500=statuses[500])
    assert good


# Bodies that are broken

ODD = [
    *(None, True, -1, 0, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1.5, 1e300, "", "x", "x" * 70_000, [], {}, [[]], [{}], {"": ""}),
    *("\0", "\ud800", "\udfff\ud800", "😀" * 300, "\u202e", "../..", "%00", "' OR 1=1 --", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z"),
]


def mutated(body, dice):
    """The body with a value, and maybe bytes, replaced, left out or doubled."""
    value = json.loads(json.dumps(body))
    places = list(places_of(value))
    for holder, key in dice.sample(places, min(len(places), dice.randint(0, 2))):
        holder[key] = dice.choice(ODD)
    text = bytearray(json.dumps(value, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass"))
    for _ in range(dice.choice((0, 0, 1, 3))):
        at = dice.randrange(len(text))
        piece = text[at : at + dice.randint(0, 20)]
        text[at : at + dice.randint(0, 3)] = dice.choice(
            (b"", b"\x00", b"\xff", b'"', b"{", b"[" * 50, b"\\u0000", b"\\ud800", b"1e999", piece * 2)
        )
    return bytes(text)


def places_of(value):
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield value, key
        yield from places_of(member)


@pytest.fixture
def bodies(known):
    """A good body of each operation."""
    meta = {name: known[name] for name in ("writer_id", "user_id", "type")} | {"plain": {"k": "v"}}
    keys = {name: known[name] for name in ("writer_signing_key", "recipient_signing_key")}
    record = {"meta": meta, "data": {"a": "b.c.d.e"}, "rec_sig": "s"}
    note = {**keys, "writer_encryption_key": "w", "encrypted_access_key": "e", "signature": "s", "data": {"a": "b"}, "plain": {"k": "v"}}
    note |= {"max_views": 3, "expires": True, "expiration": "2201-02-03T04:05:06Z", "type": "t", "file_meta": {"a": [1]}, "eacp": {}}
    params = {"terms": {"tags": {"k": "v*"}, "content_types": ["no*"], "values": ["v"]}, "condition": "AND", "strategy": "WILDCARD"}
    announced = {**record, "meta": {**meta, "file_meta": known["file_meta"]}}
    client = {"name": "n", "public_key": known["public_key"], "type": "general", "signing_key": {"ed25519": known["writer_signing_key"]}}
    times = {"range_key": "MODIFIED", "after": "2001-01-01T00:00:00Z", "before": 4e9, "time_format": "Unix", "time_zone": "UTC"}
    plain = {"and": [{"eq": {"name": "k", "value": "v"}}, {"not": {"or": [{"a": "b"}]}}]}
    made = {
        "accounts_register": {"token": known["token"], "client": client},
        "accounts_public_infos": {"client_ids": [known["client_id"]]},
        "access_keys_put": {"eak": "a.b"},
        **dict.fromkeys(("records_write", "records_write_v2", "records_update", "records_update_any"), record),
        **{name: {"record_ids": [known["record_id"]], "include_data": True} for name in ("records_batch_get", "records_bulk_delete")},
        "policies_outgoing_page": {"record_type": "note", "reader_id": known["reader_id"], "limit": 5, "next_token": 0},
        "policies_change": {"allow": known["allow"], "deny": [{"authorizer": {}}]},
        **dict.fromkeys(("files_announce", "files_announce_v2"), announced),
        "queries_query": {"count": 5, "after_index": 0.0, "include_data": True, "record_ids": [known["record_id"]], "plain": plain},
        "queries_search": {
            "limit": 5,
            "next_token": 0,
            "match": [params],
            "exclude": [params],
            "range": times,
            "order": {"sortOrder": "A"},
        },
        **{name: {**note, "id_string": f"fuzz {known['note_id']}"} for name in ("notes_write", "notes_replace")},
    }
    assert set(made) == set(WITH_BODY)
    return made


@pytest.mark.proof
def test_no_broken_body_is_a_failure_of_the_server(server, session, known, bodies, ways, proof):
    size, statuses = proof.size(150, 5000), Counter()
    for number in range(size):
        dice = random.Random(f"body {number}")  # noqa: S311 - the same each time
        name = dice.choice(sorted(bodies))
        operation = OPERATIONS[name]
        url = server.url + operation.path.format(**known)
        body = mutated(bodies[name], dice)
        auth = dice.choice(schemes_of(operation, ways))
        answer = session.request(operation.method, url, data=body, auth=auth, timeout=30)
        statuses[answer.status_code] += 1
        try:
            check_error(answer)
        except AssertionError as exc:
            exc.add_note(f"body {number} of {name}: {body[:1000]}")
            raise
        assert str(answer.status_code) in operation.definition.raw["responses"], (number, name, answer.status_code)
    proof.report("broken bodies", bodies=size, answered_2xx=sum(statuses[ok] for ok in range(200, 300)), answered_500=statuses[500])
    assert statuses[400] > size / 4
