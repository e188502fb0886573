"""Registration, tokens, client information and key backups."""

import re
from datetime import timedelta
from email.utils import parsedate_to_datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from e3db_connectors import errors
from e3db_connectors.client import Client
from e3db_connectors.crypto import encoding
from e3db_connectors.wire import paths, times

PUBLIC_KEY = {"curve25519": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo"}
SIGNING_KEY = {"ed25519": "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk"}
REGISTER = "/v1/account/e3db/clients/register"
NOBODY = "00000000-0000-4000-8000-000000000000"

SIGNED_IN_ONLY = [
    ("GET", f"/v1/storage/clients/{NOBODY}"),
    ("GET", f"/v1/storage/access_keys/{NOBODY}/{NOBODY}/{NOBODY}/note"),
    ("PUT", f"/v1/storage/access_keys/{NOBODY}/{NOBODY}/{NOBODY}/note"),
    ("DELETE", f"/v1/storage/access_keys/{NOBODY}/{NOBODY}/{NOBODY}/note"),
    ("POST", "/v1/storage/records"),
    ("GET", f"/v1/storage/records/{NOBODY}"),
    ("PUT", f"/v1/storage/records/safe/{NOBODY}/1"),
    ("DELETE", f"/v1/storage/records/safe/{NOBODY}/1"),
    ("POST", "/v1/storage/search"),
    ("POST", "/v2/search"),
    ("GET", f"/v1/client/{NOBODY}/public"),
    ("POST", "/v1/client/public"),
]


@pytest.fixture
def registration(registration_token):
    """Make the body of a registration; further members of `client` by name."""

    def body(**client):
        return {"token": registration_token, "client": {"name": "sensor 7", "public_key": PUBLIC_KEY, **client}}

    return body


@pytest.fixture
def register(http, registration):
    return lambda **client: http("POST", REGISTER, json=registration(**client))


@pytest.fixture
def client_without_signing_key(register, client, call_as):
    """Calls as a client that has no signing key, and its id."""
    made = register().json()
    config = {**client.config(), "client_id": made["client_id"], "api_key_id": made["api_key_id"], "api_secret": made["api_secret"]}
    with Client(config) as signed_in:
        yield call_as(signed_in), made["client_id"]


def is_error(answer, status):
    body = answer.json()
    return answer.status_code == status and list(body) == ["error"] and isinstance(body["error"], str) and body["error"] != ""


# Registration


def test_registration_answers_201_with_all_members(register):
    answer = register(signing_key=SIGNING_KEY)
    made = answer.json()
    assert answer.status_code == 201
    assert str(UUID(made.pop("client_id")))
    assert re.fullmatch(r"[0-9a-f]{1,64}", made.pop("api_key_id"))
    assert re.fullmatch(r"[0-9a-f]{64}", made.pop("api_secret"))
    assert made == {
        "name": "sensor 7",
        "type": "general",
        "enabled": True,
        "has_backup": False,
        "public_key": PUBLIC_KEY,
        "signing_key": SIGNING_KEY,
        "meta": {},
    }


def test_registration_through_the_client_gives_working_credentials(client):
    assert client.client_info(client.client_id).public_key == {"curve25519": client.config.public_key}


@pytest.mark.parametrize("token", ["", "wrong", "a-registration-toke", "a-registration-token "])
def test_registration_with_a_bad_token_is_401(http, registration, token):
    assert is_error(http("POST", REGISTER, json={**registration(), "token": token}), 401)


def test_registration_with_a_bad_token_is_unauthorized_for_the_client(server):
    with pytest.raises(errors.Unauthorized):
        Client.register("wrong", "somebody", api_url=server.url)


@pytest.mark.parametrize("given", [{}, {"signing_key": None}, {"signing_key": {}}, {"signing_key": {"ed25519": ""}}])
def test_registration_without_a_signing_key_answers_an_empty_object(register, given):
    assert register(**given).json()["signing_key"] == {}


@pytest.mark.parametrize("given", [{}, {"signing_key": SIGNING_KEY}])
def test_every_registration_names_a_backup_client_that_exists(register, call, given):
    backup_id = register(**given).headers["X-Backup-Client"]
    info = call("GET", f"/v1/storage/clients/{backup_id}").json()
    assert info["client_id"] == backup_id
    assert len(encoding.decode(info["public_key"]["curve25519"])) == 32


@pytest.mark.parametrize(
    "body",
    [b"", b"null\n", b"{", b"[]", b'"text"', b"\xff", b'{"token": "t"}', b'{"token": "t", "client": null}', b'{"x": ' + b"[" * 100_000],
    ids=["empty", "null", "cut", "list", "text", "no-utf8", "no-client", "null-client", "deep"],
)
def test_a_malformed_registration_is_400(http, body):
    assert is_error(http("POST", REGISTER, data=body), 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"name": 7},
        {"public_key": None},
        {"public_key": {}},
        {"public_key": {"curve25519": ""}},
        {"public_key": {"rot13": "x"}},
        {"public_key": {"curve25519": "k" * 5000}},
        {"public_key": {"curve25519": "k", "k" * 5000: ""}},
        {"signing_key": {"ed25519": "k" * 5000}},
        {"type": "t" * 256},
        {"public_key": "text"},
    ],
)
def test_a_registration_without_name_or_key_is_400(register, wrong):
    assert is_error(register(**wrong), 400)


def test_registration_keeps_names_as_they_are(register):
    name = "client_b'6a' \"quoted\" 日本語"
    assert register(name=name).json()["name"] == name


def test_registration_keeps_key_maps_as_they_are(register):
    both = {**PUBLIC_KEY, "p384": "LS0tLS1CRUdJTiBQVUJMSUMgS0VZLS0tLS0K"}
    assert register(public_key=both).json()["public_key"] == both


def test_registration_keeps_the_type_and_ignores_unknown_members(register):
    assert register(type="broker", colour="red").json()["type"] == "broker"


def test_two_clients_may_share_name_and_signing_key(register):
    ids = {register(signing_key=SIGNING_KEY).json()["client_id"] for _ in range(2)}
    assert len(ids) == 2


# Tokens


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "x-www-form-urlencoded", "text/plain", "nonsense"])
def test_a_token_is_given_whatever_the_content_type(http, client, wire_time, content_type):
    answer = http(
        "POST",
        "/v1/auth/token",
        headers={"Content-Type": content_type} if content_type else {},
        data="grant_type=client_credentials",
        auth=(client.config.api_key_id, client.config.api_secret),
    )
    token = answer.json()
    assert answer.status_code == 200
    assert token["token_type"].lower() == "bearer"
    assert type(token["expires_in"]) is int
    assert wire_time.fullmatch(token["expires_at"])


def test_a_token_expires_when_both_members_say(http, client):
    answer = http("POST", "/v1/auth/token", auth=(client.config.api_key_id, client.config.api_secret))
    token = answer.json()
    life = times.parse(token["expires_at"]) - parsedate_to_datetime(answer.headers["Date"])
    assert abs(life - timedelta(seconds=token["expires_in"])) < timedelta(seconds=2)


def test_a_wrong_secret_is_401(http, client, stranger):
    assert is_error(http("POST", "/v1/auth/token", auth=(client.config.api_key_id, stranger.config.api_secret)), 401)


def test_an_unknown_api_key_is_401(http, client):
    assert is_error(http("POST", "/v1/auth/token", auth=("0" * 64, client.config.api_secret)), 401)


@pytest.mark.parametrize("header", [None, "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /w==", "Bearer abc"])
def test_a_token_request_without_credentials_is_401(http, header):
    assert is_error(http("POST", "/v1/auth/token", headers={"Authorization": header} if header else {}), 401)


def test_a_wrong_secret_is_unauthorized_for_the_client(client):
    with Client({**client.config(), "api_secret": "0" * 64}) as intruder, pytest.raises(errors.Unauthorized):
        intruder.server_time()


def test_the_word_bearer_has_any_case(http, call, client):
    answer = http("GET", f"/v1/storage/clients/{client.client_id}", headers={"Authorization": f"bEARER {call.token}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(("method", "path"), SIGNED_IN_ONLY)
@pytest.mark.parametrize("header", [None, "Bearer", "Bearer garbage", "Bearer \xe9", "Basic Z2FyYmFnZTp4"])
def test_without_a_known_bearer_token_is_401(http, method, path, header):
    headers = {"Authorization": header.encode("latin-1")} if header else {}
    assert is_error(http(method, path, headers=headers, json={}), 401)


def test_the_bare_token_without_its_scheme_is_401(http, call, client):
    assert is_error(http("GET", f"/v1/storage/clients/{client.client_id}", headers={"Authorization": call.token}), 401)


# Client information


def test_client_information_has_exactly_the_public_members(call, client):
    answer = call("GET", f"/v1/storage/clients/{client.client_id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "client_id": client.client_id,
        "public_key": {"curve25519": client.config.public_key},
        "signing_key": {"ed25519": client.config.public_signing_key},
        "validated": True,
    }


def test_client_information_without_a_signing_key_says_null(client_without_signing_key):
    call, client_id = client_without_signing_key
    info = call("GET", f"/v1/storage/clients/{client_id}").json()
    assert info["signing_key"] is None


def test_any_client_may_look_up_any_other(client, stranger):
    assert stranger.client_info(client.client_id).public_key == {"curve25519": client.config.public_key}


@pytest.mark.parametrize(
    "client_id", ["2ab0ae6c-0f0c-4d59-8f3f-2a2b3b0b1f5e", "doesnt%20exist", "someone@example.com", "a/b", "%00", "find?email=a@b", ""]
)
def test_an_unknown_or_malformed_client_id_is_404(call, client_id):
    assert is_error(call("GET", f"/v1/storage/clients/{client_id}"), 404)


def test_an_unknown_client_is_not_found_for_the_client(client):
    with pytest.raises(errors.NotFound):
        client.client_info("doesnt exist")


@pytest.fixture
def public_keys():
    """What `/v1/client/public` tells of a client."""

    def told(client):
        keys = {"public_key": {"curve25519": client.config.public_key}, "signing_key": {"ed25519": client.config.public_signing_key}}
        return {"client_id": client.client_id, **keys}

    return told


def test_the_keys_of_a_client_alone(call, stranger, public_keys):
    answer = call("GET", f"/v1/client/{stranger.client_id}/public")
    assert (answer.status_code, answer.json()) == (200, public_keys(stranger))


@pytest.mark.parametrize("client_id", [NOBODY, "doesnt%20exist", "a%2Fb"])
def test_the_keys_of_an_unknown_client_are_404(call, client_id):
    assert is_error(call("GET", f"/v1/client/{client_id}/public"), 404)


def test_the_keys_of_several_clients_leave_out_unknown_ones(call, client, stranger, public_keys):
    ids = [client.client_id, stranger.client_id, client.client_id, NOBODY, "nonsense"]
    answer = call("POST", "/v1/client/public", json={"client_ids": ids})
    assert answer.status_code == 200
    assert answer.json() == {"clients": {made.client_id: public_keys(made) for made in (client, stranger)}}


def test_the_keys_of_a_client_without_a_signing_key_say_null(client_without_signing_key):
    call, client_id = client_without_signing_key
    expected = {"client_id": client_id, "public_key": PUBLIC_KEY, "signing_key": None}
    assert call("GET", f"/v1/client/{client_id}/public").json() == expected
    assert call("POST", "/v1/client/public", json={"client_ids": [client_id]}).json() == {"clients": {client_id: expected}}


@pytest.mark.parametrize("body", [{}, {"client_ids": None}, {"client_ids": []}], ids=str)
def test_the_keys_of_nobody_are_none(call, body):
    answer = call("POST", "/v1/client/public", json=body)
    assert (answer.status_code, answer.json()) == (200, {"clients": {}})


@pytest.mark.parametrize("ids", ["text", [7], [NOBODY] * 1001], ids=["text", "number", "too-many"])
def test_a_malformed_list_of_clients_is_400(call, ids):
    assert is_error(call("POST", "/v1/client/public", json={"client_ids": ids}), 400)


# Key backup


def has_backup(server, client_id):
    """What the server has noted; no answer tells it."""
    with server.database() as connection:
        return bool(connection.scalar(text("SELECT has_backup FROM clients WHERE client_id = :id"), {"id": client_id}))


@pytest.mark.parametrize("body", [b"", b"null\n", b"not JSON"])
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_backup_is_noted_with_and_without_signing_in(server, http, call, client, registration_token, body, signed_in):
    assert not has_backup(server, client.client_id)
    answer = (call if signed_in else http)("POST", f"/v1/account/backup/{registration_token}/{client.client_id}", data=body)
    assert (answer.status_code, answer.json()) == (200, {})
    assert has_backup(server, client.client_id)


@pytest.mark.parametrize("token", ["wrong", "a-registration-toke", "a-registration-token%20", "a/b", "a%2Fb"])
def test_a_backup_with_a_bad_token_is_401_even_for_the_client_itself(server, call, client, token):
    assert is_error(call("POST", f"/v1/account/backup/{token}/{client.client_id}"), 401)
    assert not has_backup(server, client.client_id)


@pytest.mark.parametrize("client_id", [NOBODY, "nonsense"])
def test_a_backup_of_an_unknown_client_is_404(http, registration_token, client_id):
    assert is_error(http("POST", f"/v1/account/backup/{registration_token}/{client_id}"), 404)


def test_a_token_with_odd_characters_is_read_from_the_path(tmp_path, running_server, session):
    token, file = "slash/ and %, 日本", tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    with running_server(tmp_path, "--registration-token-file", str(file)) as server:
        made = Client.register(token, "odd", api_url=server.url)
        answer = session.post(server.url + paths.backup(token, made.client_id), timeout=30)
        assert (answer.status_code, answer.json()) == (200, {})
