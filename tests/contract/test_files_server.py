"""Large files as the server keeps them (protocol section 13): raw HTTP, bodies of any bytes."""

import contextlib
import hashlib
import os
import re
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

FILES = "/v1/storage/files"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
BODY = b"sealed" * 1000


def md5(body):
    return b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@pytest.fixture
def announced(upload):
    """The body of an announcement."""

    def make(body=BODY, **file_meta):
        return upload(
            file_meta={"checksum": md5(body), "compression": "raw", "size": len(body), **file_meta}, type="scan", plain={"k": "v"}
        )

    return make


@pytest.fixture
def announce(call, announced):
    """Announce a file: its id and where to upload it."""

    def run(body=BODY, **file_meta):
        answer = call("POST", FILES, json=announced(body, **file_meta))
        assert answer.status_code == 202, answer.text
        return answer.json()["id"], answer.json()["file_url"]

    return run


def put(url, body=BODY, **headers):
    with requests.Session() as session:
        session.trust_env = False
        return session.put(url, data=body, headers={"Content-Type": "application/octet-stream", **headers}, timeout=30)


def fetch(url):
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=30, headers={"Accept-Encoding": "gzip"})


@pytest.fixture
def stored(call, announce):
    """A committed file's record."""
    file_id, url = announce()
    assert put(url).status_code == 200
    answer = call("PATCH", f"{FILES}/{file_id}")
    assert answer.status_code == 201
    return answer.json()


def bodies(server):
    return [path for path in (server.folder / "files").rglob("*") if path.is_file()]


def test_a_file_goes_up_and_comes_down(call, stored, wire_time):
    meta = stored["meta"]
    assert set(meta["file_meta"]) == {"file_url", "file_name", "checksum", "compression", "size"}
    assert (meta["file_meta"]["file_url"], meta["file_meta"]["size"], meta["file_meta"]["checksum"]) == ("", len(BODY), md5(BODY))
    assert (stored["data"], meta["plain"], meta["type"]) == ({}, {"k": "v"}, "scan")
    assert wire_time.fullmatch(meta["created"])
    answer = call("GET", f"{FILES}/{meta['record_id']}")
    assert answer.status_code == 200
    url = answer.json()["meta"]["file_meta"]["file_url"]
    for _ in range(2):
        body = fetch(url)
        assert (body.status_code, body.content) == (200, BODY)
        assert body.headers["Content-Length"] == str(len(BODY))
        assert "Content-Encoding" not in body.headers


def test_elsewhere_a_file_has_its_meta_without_a_url_and_no_data(call, client, stored):
    record_id = stored["meta"]["record_id"]
    record = call("GET", f"/v1/storage/records/{record_id}").json()
    query = call("POST", "/v1/storage/search", json={"include_data": True, "record_ids": [record_id]}).json()["results"][0]
    search = call("POST", "/v2/search", json={"include_data": True}).json()["results"][0]
    for found in (record["meta"], query["meta"], search["meta"]):
        assert set(found["file_meta"]) == {"file_name", "checksum", "compression", "size"}
        assert found["file_meta"]["file_name"]
    assert record["data"] == query["record_data"] == search["record_data"] == {}
    assert "file_meta" not in call("GET", f"/v1/storage/records/{client.write('t', {}).meta.record_id}").json()["meta"]


def test_encrypted_members_beside_the_body_are_kept(call, announced):
    sent = announced()
    sent["data"] = {"caption": "a.b.c.d"}
    answer = call("POST", "/v2/storage/files", json=sent).json()
    put(answer["file_url"])
    assert call("PATCH", f"{FILES}/{answer['id']}").json()["data"] == {"caption": "a.b.c.d"}


def test_nothing_shows_before_the_commit(call, announce, client):
    file_id, url = announce()
    assert call("PATCH", f"{FILES}/{file_id}").status_code == 409
    put(url)
    assert call("GET", f"{FILES}/{file_id}").status_code == call("GET", f"/v1/storage/records/{file_id}").status_code == 404
    assert len(client.query()) == 0


def test_a_commit_asked_for_again_answers_the_same(call, stored):
    again = call("PATCH", f"{FILES}/{stored['meta']['record_id']}")
    assert (again.status_code, again.json()) == (201, stored)


@pytest.mark.parametrize(
    "file_meta",
    [
        {"size": 0},
        {"size": -1},
        {"size": "6"},
        {"size": 2**60},
        {"checksum": ""},
        {"checksum": "x"},
        {"checksum": "QQ=="},
        {"checksum": None},
    ],
)
def test_a_malformed_announcement_is_400(call, announced, file_meta):
    answer = call("POST", FILES, json=announced(**file_meta))
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


def test_a_file_needs_its_meta_and_its_writer(call, upload, announced, stranger, call_as):
    assert call("POST", FILES, json=upload()).status_code == 400
    assert call_as(stranger)("POST", FILES, json=announced()).status_code == 403
    assert call("POST", "/v1/storage/records", json=announced()).status_code == 400


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (BODY[:-1], {}),
        (BODY + b"x", {}),
        (b"x" + BODY[1:], {}),
        (BODY, {"Content-MD5": md5(b"other")}),
        (b"", {}),
    ],
    ids=["short", "long", "changed", "other checksum", "empty"],
)
def test_another_body_than_announced_is_400_and_leaves_nothing(call, announce, server, body, headers):
    before = bodies(server)
    file_id, url = announce()
    assert put(url, body, **headers).status_code == 400
    assert bodies(server) == before
    assert call("PATCH", f"{FILES}/{file_id}").status_code == 409
    assert put(url).status_code == 200  # the URL is still good


def test_a_connection_that_breaks_leaves_nothing(announce, server):
    before = bodies(server)
    _, url = announce()
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n"
        connection.sendall(head.encode() + BODY[:100])
    assert put(url).status_code == 200
    assert len(bodies(server)) == len(before) + 1


def test_an_upload_waits_for_100_continue(announce):
    _, url = announce()
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(f"PUT {parts.path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(BODY)
        assert connection.recv(100).startswith(b"HTTP/1.1 200")


def test_an_upload_url_is_good_for_one_upload(announce):
    _, url = announce()
    with ThreadPoolExecutor(4) as pool:
        answers = [answer.status_code for answer in pool.map(put, [url] * 4)]
    assert sorted(answers) == [200, 404, 404, 404]
    assert fetch(url).status_code == 404


def test_a_download_url_is_no_upload_url(call, stored):
    url = call("GET", f"{FILES}/{stored['meta']['record_id']}").json()["meta"]["file_meta"]["file_url"]
    assert put(url).status_code == 404
    assert fetch(url[:-1] + ("a" if url[-1] != "a" else "b")).status_code == 404


def test_who_may_not_read_gets_no_url(client, stored, stranger, call_as):
    path = f"{FILES}/{stored['meta']['record_id']}"
    theirs = call_as(stranger)
    assert theirs("GET", path).status_code == 404
    client.share("scan", stranger.client_id)
    assert fetch(theirs("GET", path).json()["meta"]["file_meta"]["file_url"]).content == BODY
    assert theirs("PATCH", path).status_code == 404
    client.revoke("scan", stranger.client_id)
    assert theirs("GET", path).status_code == 404


def test_what_is_no_file_is_not_found(call, client):
    record_id = client.write("t", {}).meta.record_id
    for path in (f"{FILES}/{record_id}", f"{FILES}/{UNKNOWN}", f"{FILES}/x"):
        assert call("GET", path).status_code == call("PATCH", path).status_code == 404


@pytest.mark.parametrize("how", ["safe", "unversioned", "bulk"])
def test_a_deleted_file_leaves_no_body(call, client, stored, server, how):
    before, meta = len(bodies(server)), stored["meta"]
    url = call("GET", f"{FILES}/{meta['record_id']}").json()["meta"]["file_meta"]["file_url"]
    if how == "bulk":
        assert client.delete_batch([meta["record_id"]]) == {}
    else:
        client.delete(meta["record_id"], meta["version"] if how == "safe" else None)
    assert fetch(url).status_code == 404
    assert len(bodies(server)) == before - 1


def test_files_outlive_a_restart_and_orphans_do_not(tmp_path, running_server):
    with running_server(tmp_path) as server, server.register() as client:
        source = tmp_path / "source"
        source.write_bytes(b"content" * 1000)
        record = client.write_file("scan", source)
        [body] = [path for path in bodies(server) if path.name != "registration-token"]
        orphan = body.with_name("0" * 32)
        orphan.write_bytes(b"x")
        os.utime(orphan, (0, 0))
    with running_server(tmp_path) as server:
        with contextlib.closing(type(client)(type(client.config).from_mapping({**client.config(), "api_url": server.url}))) as again:
            again.read_file(record.meta.record_id, tmp_path / "target")
        assert (tmp_path / "target").read_bytes() == source.read_bytes()
        assert not orphan.exists()


def test_links_lead_to_the_public_url(tmp_path, running_server, call_as):
    with running_server(tmp_path, "--public-url", "https://e3db.example/") as server, server.register() as client:
        meta = {"writer_id": client.client_id, "user_id": client.client_id, "type": "t", "file_meta": {"checksum": md5(b"x"), "size": 1}}
        answer = call_as(client)("POST", FILES, json={"meta": meta, "data": {}})
        assert re.fullmatch(r"https://e3db\.example/files/[\w-]{43}", answer.json()["file_url"])


def test_the_log_does_not_show_where_files_are(tmp_path, running_server):
    with running_server(tmp_path) as server, server.register() as client:
        (tmp_path / "source").write_bytes(b"x")
        client.read_file(client.write_file("t", tmp_path / "source").meta.record_id, tmp_path / "target")
    log = (tmp_path / "server.log").read_text()
    assert log.count(" /files/*** 200") == 2
    assert not re.search(r" /files/[\w-]{20}", log)


def test_memory_stays_flat(call, announce, server):
    def peak():
        status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) * 1024

    body = os.urandom(1 << 20) * 40
    before = peak()
    file_id, url = announce(body)
    assert put(url, body).status_code == 200
    call("PATCH", f"{FILES}/{file_id}")
    download = call("GET", f"{FILES}/{file_id}").json()["meta"]["file_meta"]["file_url"]
    assert md5(fetch(download).content) == md5(body)
    assert peak() - before < 20 << 20
