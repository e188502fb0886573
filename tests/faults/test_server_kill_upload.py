"""A server that is killed while files come in: there is a record of one only with its whole body, and of what is none nothing stays."""

import hashlib
import os
import socket
import time
from base64 import b64encode
from collections import Counter
from urllib.parse import urlsplit

import pytest
import requests
from sqlalchemy import MetaData, select, update

from e3db_connectors import Client, Config

FILES = "/v1/storage/files"
SIZE, PIECE = 1024 * 1024, 64 * 1024
POINTS = ("announced", "begun", "half", "all but a byte", "uploaded", "committed", "all sent", "commit sent")
"""How far each of the uploads has come when the server dies; the last two race with that."""

SENT = {"begun": PIECE, "half": SIZE // 2, "all but a byte": SIZE - 1}
DAY = 24 * 3600


class Uploader:
    """Raw calls of a client."""

    def __init__(self, session, client):
        config = client.config
        self.session, self.url, self.id = session, config.api_url, client.client_id
        answer = session.post(f"{self.url}/v1/auth/token", auth=(config.api_key_id, config.api_secret), timeout=30)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def __call__(self, method, path, **options):
        return self.session.request(method, self.url + path, headers=self.headers, timeout=30, **options)

    def announce(self, body):
        checksum = b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        meta = {"writer_id": self.id, "user_id": self.id, "type": "scan", "plain": {"k": "v"}}
        return self("POST", FILES, json={"meta": {**meta, "file_meta": {"checksum": checksum, "size": len(body)}}}).json()

    def send(self, method, path, headers, body=b""):
        """Send a request, or a part of one, and do not wait for the answer."""
        parts = urlsplit(self.url)
        connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
        lines = [f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return connection

    def upload(self, point, body, connections):
        """Bring an upload to a point; its id, and whether the server has said that it is committed."""
        pending = self.announce(body)
        if point in {"uploaded", "committed", "commit sent"}:
            assert self.session.put(pending["file_url"], data=body, timeout=30).status_code == 200
        elif point != "announced":
            part = body[: SENT.get(point, len(body))]
            connections.append(self.send("PUT", urlsplit(pending["file_url"]).path, {"Content-Length": len(body)}, part))
        commit = f"{FILES}/{pending['id']}"
        if point == "committed":
            assert self("PATCH", commit).status_code == 201
        elif point == "commit sent":
            connections.append(self.send("PATCH", commit, {**self.headers, "Content-Length": 0}))
        return pending["id"], point == "committed"


def bodies(folder):
    return {path.name: path.read_bytes() for path in folder.glob("files/bodies-*/*")}


def check_whole(server, sent):
    """Each record of a file has a body, which is what was sent, whatever has become of the server."""
    with server.database() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        records = metadata.tables["records"]
        rows = connection.execute(select(records.c.record_id, records.c.file_body).where(records.c.file_body.is_not(None))).all()
    found = bodies(server.folder)
    for row in rows:
        assert found[row.file_body] == sent[row.record_id]
    return {row.record_id: row.file_body for row in rows}


def age(folder):
    """Make all bodies so old that no other process can still be receiving them."""
    for path in folder.glob("files/bodies-*/*"):
        os.utime(path, (time.time() - 2 * DAY,) * 2)


@pytest.mark.proof
def test_there_is_no_record_without_its_body(tmp_path, running_server, proof):
    sent, acknowledged, counts, config = {}, set(), Counter(), None
    rounds = proof.size(2, 25)
    for round_ in range(rounds):
        connections = []
        with running_server(tmp_path) as server, requests.Session() as session:
            session.trust_env = False
            config = Config.from_mapping({**config(), "api_url": server.url}) if config else server.register().config
            with Client(config) as client:
                uploader = Uploader(session, client)
            for point in POINTS:
                body = os.urandom(SIZE)
                file_id, committed = uploader.upload(point, body, connections)
                sent[file_id] = body
                acknowledged |= {file_id} if committed else set()
                counts["points"] += 1
            time.sleep(round_ % 6 * 0.004)
            server.process.kill()
            server.process.wait()
            for connection in connections:
                connection.close()
            check_whole(server, sent)
            counts["leftovers"] += sum(name.endswith(".part") for name in bodies(tmp_path))
            age(tmp_path)
    with running_server(tmp_path) as server:
        assert not any(name.endswith(".part") for name in bodies(tmp_path))
        with Client(Config.from_mapping({**config(), "api_url": server.url})) as client, requests.Session() as session:
            session.trust_env = False
            check_by_api(Uploader(session, client), sent, acknowledged, counts)
        forget_pending(server)
        age(tmp_path)
    with running_server(tmp_path) as server:
        assert set(bodies(tmp_path)) == set(check_whole(server, sent).values())
    assert counts["leftovers"] > 0
    assert acknowledged
    proof.report("server killed during uploads", kills=rounds, **counts)


def check_by_api(uploader, sent, acknowledged, counts):
    """What there is a record of can be downloaded as it was sent; what was acknowledged is there."""
    for file_id, body in sent.items():
        answer = uploader("GET", f"{FILES}/{file_id}")
        assert answer.status_code in ({200} if file_id in acknowledged else {200, 404})
        if answer.status_code == 200:
            counts["records"] += 1
            assert uploader.session.get(answer.json()["meta"]["file_meta"]["file_url"], timeout=30).content == body


def forget_pending(server):
    """Let the time of all files be over that were never committed."""
    with server.database() as connection:
        metadata = MetaData()
        metadata.reflect(connection)
        connection.execute(update(metadata.tables["pending_files"]).values(expires_at=1))
