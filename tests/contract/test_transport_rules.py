"""What holds for every route: bodies, errors, slashes, dates, 100-continue (protocol section 1.2)."""

import json
import socket
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

REGISTER = "/v1/account/e3db/clients/register"
NOBODY = "00000000-0000-4000-8000-000000000000"


def is_error(answer, status):
    body = answer.json()
    return answer.status_code == status and list(body) == ["error"] and isinstance(body["error"], str) and body["error"] != ""


def connect(server):
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port), timeout=30)


@pytest.mark.parametrize("body", [b"null\n", b"", b"not JSON"])
def test_a_body_on_get_is_ignored(call, client, body):
    answer = call("GET", f"/v1/storage/clients/{client.client_id}", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_json_is_read_whatever_the_content_type(call, upload, content_type):
    answer = call("POST", "/v1/storage/records", data=json.dumps(upload()), headers={"Content-Type": content_type})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/nowhere", 404),
        ("POST", "/v3/search", 404),
        ("PATCH", "/v1/storage/records", 405),
        ("GET", REGISTER, 405),
    ],
)
def test_errors_of_the_routing_are_json_too(http, method, path, status):
    answer = http(method, path)
    assert is_error(answer, status)
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", REGISTER),
        ("POST", "/v1/auth/token"),
        ("GET", f"/v1/storage/clients/{NOBODY}"),
        ("POST", "/v1/storage/records"),
        ("GET", f"/v1/storage/records/{NOBODY}"),
        ("PUT", f"/v1/storage/records/safe/{NOBODY}/1"),
        ("POST", "/v1/storage/search"),
        ("POST", "/v2/search"),
    ],
)
def test_a_trailing_slash_is_no_redirect(call, method, path):
    assert is_error(call(method, path + "/", json={}), 404)


@pytest.mark.parametrize("path", ["/nowhere", f"/v1/storage/clients/{NOBODY}", "/v1/storage/servicecheck"])
def test_every_answer_carries_one_date(http, path):
    dates = http("GET", path).raw.headers.getlist("Date")
    assert len(dates) == 1
    assert parsedate_to_datetime(dates[0]).tzinfo is not None


def test_expect_100_continue_is_answered_before_the_body(server, registration_token):
    client = {"name": "sensor 7", "public_key": {"curve25519": "k"}}
    body = json.dumps({"token": registration_token, "client": client}).encode()
    head = (
        f"POST {REGISTER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    )
    with connect(server) as connection, connection.makefile("rb") as answers:
        connection.sendall(head.encode())
        assert answers.readline().startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert b"HTTP/1.1 201 " in answers.read()


def test_a_caller_that_goes_away_in_the_middle_of_a_body_is_no_failure_of_the_server(server):
    log = server.folder / "server.log"
    before = len(log.read_text())
    with connect(server) as connection:
        connection.sendall(b"POST /v2/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    deadline = time.monotonic() + 30
    while "POST /v2/search 400" not in (told := log.read_text()[before:]):
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    assert "Traceback" not in told


def test_an_upgrade_to_another_protocol_is_left_aside(server):
    head = "GET /v1/storage/servicecheck HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    with connect(server) as connection, connection.makefile("rb") as answer:
        connection.sendall(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
        assert answer.readline().startswith(b"HTTP/1.1 200 ")
