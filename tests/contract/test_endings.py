"""What has an end: bearer tokens and the URLs of files, by the server's clock, which the tests move."""

import hashlib
from base64 import b64encode

import pytest

BODY = b"sealed" * 10
FILES = "/v1/storage/files"


@pytest.fixture(scope="module")
def moved_server(lagging_server):
    with lagging_server(0) as server:
        yield server


@pytest.fixture
def owner(moved_server):
    with moved_server.register() as client:
        yield client


@pytest.fixture
def announced(owner, call_as):
    """The pending id and the upload path of a file."""
    checksum = b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()
    meta = {"writer_id": owner.client_id, "user_id": owner.client_id, "type": "scan"}
    body = {"meta": {**meta, "file_meta": {"checksum": checksum, "size": len(BODY)}}}
    pending = call_as(owner)("POST", FILES, json=body).json()
    return pending["id"], pending["file_url"].removeprefix(owner.config.api_url)


def test_a_token_is_taken_for_half_a_minute_beyond_its_end(moved_server, owner, call_as):
    call = call_as(owner)
    path = f"/v1/storage/clients/{owner.client_id}"
    statuses = []
    for seconds in (0, 900 + 10, 30):
        moved_server.clock.go_on(seconds)
        statuses.append(call("GET", path).status_code)
    assert statuses == [200, 200, 401]
    assert call_as(owner)("GET", path).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(29 * 60, 200), (31 * 60, 404)])
def test_an_upload_begins_within_half_an_hour(moved_server, owner, call_as, announced, seconds, status):
    moved_server.clock.go_on(seconds)
    assert call_as(owner)("PUT", announced[1], data=BODY).status_code == status


def test_a_download_url_is_good_for_a_quarter_of_an_hour(moved_server, owner, call_as, announced):
    call = call_as(owner)
    file_id, path = announced
    assert call("PUT", path, data=BODY).status_code == 200
    assert call("PATCH", f"{FILES}/{file_id}").status_code == 201
    url = call("GET", f"{FILES}/{file_id}").json()["meta"]["file_meta"]["file_url"].removeprefix(owner.config.api_url)
    statuses = []
    for seconds in (14 * 60, 2 * 60):
        moved_server.clock.go_on(seconds)
        statuses.append(call("GET", url).status_code)
    assert statuses == [200, 404]
