"""What a bad network does to each operation: it succeeds or ends in an error of ours, within its time, and nothing is there twice."""

import itertools
import random
import socket
import struct
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from urllib.parse import urlsplit

import pytest
import tenacity

from e3db_connectors import Client, Config, NoteOptions, Search
from e3db_connectors.client import access_keys, connections, retries, transport
from e3db_connectors.errors import E3DBError

BUDGET = 4.0
SILENCE = 0.5
SPARE = 3.0
"""Seconds beyond the budget: for what is under way when it ends, and for a busy machine."""

SHORT = (
    (connections, "READ_SECONDS", SILENCE),
    (connections, "CONNECT_SECONDS", SILENCE),
    (transport, "BUDGET_SECONDS", BUDGET),
    (transport, "TRANSFER_SECONDS", BUDGET),
    (access_keys, "BUDGET_SECONDS", BUDGET),
    (retries, "_backoff", tenacity.wait_random_exponential(multiplier=0.02, max=0.2)),
)
"""The client's times, as short as a test needs them."""

CONTENT = b"content of a file " * 2000
TOXICS = ("latency", "bandwidth", "slow close", "timeout", "reset", "limit", "slices", "garbage")


class Toxic:
    """Does its harm from a byte of the stream on, to the first connection that gets there or to all."""

    def __init__(self, kind, seed):
        chance = random.Random(seed)  # noqa: S311 - the same each time
        self.kind, self.upwards, self.always = kind, chance.random() < 0.3, chance.random() < 0.3
        self.at = chance.choice([0, chance.randrange(40), chance.randrange(700), chance.randrange(3_000)])
        self.fired, self._lock = 0, threading.Lock()

    def fires(self, upwards, passed):
        if upwards != self.upwards or passed < self.at:
            return False
        with self._lock:
            self.fired += 1
            return self.always or self.fired == 1


class Proxy:
    """Stands between a client and the server."""

    def __init__(self, url, toxic):
        target = urlsplit(url)
        self._target, self._toxic = (target.hostname, target.port), toxic
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()
        for side in self._open:
            side.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                down, _ = self._listener.accept()
                up = socket.create_connection(self._target)
                self._open += [down, up]
                for source, sink, upwards in ((down, up, True), (up, down, False)):
                    threading.Thread(target=self._pump, args=(source, sink, upwards), daemon=True).start()

    def _pump(self, source, sink, upwards):
        passed, sick = 0, False
        with suppress(OSError):
            while chunk := source.recv(65536):
                sick = sick or self._toxic.fires(upwards, passed + len(chunk))
                if not sick:
                    sink.sendall(chunk)
                elif not self._harm(sink, chunk, passed):
                    return
                passed += len(chunk)
            if sick and self._toxic.kind == "slow close":
                time.sleep(0.2)
            sink.shutdown(socket.SHUT_WR)

    def _harm(self, sink, chunk, passed):
        """Pass a chunk on as the toxic does it; False when nothing passes any more."""
        kind = self._toxic.kind
        if kind in ("latency", "slow close"):
            time.sleep(0.05)
            sink.sendall(chunk)
        elif kind in ("bandwidth", "slices"):
            size, pause = (2_000, 0.002) if kind == "bandwidth" else (7, 0)
            for at in range(0, min(len(chunk), 4_000), size):
                sink.sendall(chunk[at : at + size])
                time.sleep(pause)
            sink.sendall(chunk[4_000:])
        elif kind == "garbage":
            sink.sendall(b"\0\xff garbage \r\n" + chunk)
        elif kind == "reset":
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sink.close()
        elif kind == "limit":
            sink.sendall(chunk[: max(self._toxic.at - passed, 0)])
            sink.shutdown(socket.SHUT_RDWR)
        return kind not in ("reset", "limit", "timeout")


class Case:
    """One operation of a client behind a proxy; the same client, without it, looks afterwards."""

    def __init__(self, world, number, toxic):
        self.world, self.direct, self.toxic = world, world.client, toxic
        self.type = f"t{number}"
        self.record = self.direct.write(self.type, {"n": "before"})

    def run(self, operation):
        """Do it.

        Returns:
            The class of the error; None: it succeeded.
        """
        check = getattr(self, operation)
        with closing(Proxy(self.world.url, self.toxic)) as proxy, self._client(proxy.url) as client:
            steps = check(client)
            began, error = time.monotonic(), None
            try:
                next(steps)
            except E3DBError as exc:
                error = exc
            self.took = time.monotonic() - began
        self.succeeded = error is None
        if self.succeeded:
            next(steps, None)
        self.consistent(operation)
        return None if error is None else type(error).__name__

    def consistent(self, operation):
        """Whatever was told, there is nothing twice and nothing half."""
        records = list(self.direct.query_all(record_type=self.type))
        found = sorted(record.data["n"] for record in records if record.meta.file_meta is None)
        files = len(records) - len(found)
        assert files <= (operation == "write_file"), (operation, self.toxic.kind, files)
        allowed = {"write": [["before"], ["after", "before"]], "update": [["before"], ["after"]], "delete": [["before"], []]}
        assert found in allowed.get(operation, [["before"]]), (operation, self.toxic.kind, found)

    def _client(self, url):
        return Client(Config.from_mapping({**self.direct.config(), "api_url": url}))

    def _now(self):
        return sorted(record.data["n"] for record in self.direct.query_all(record_type=self.type))

    def register(self, client):
        yield Client.register(self.world.token, "toxic", api_url=client.config.api_url)

    def token(self, client):
        yield client.server_time()

    def write(self, client):
        yield client.write(self.type, {"n": "after"})
        assert self._now() == ["after", "before"]

    def read(self, client):
        yield self._is_before(client.read(self.record.meta.record_id))

    def update(self, client):
        self.record.data["n"] = "after"
        yield client.update(self.record)
        assert self._now() == ["after"]

    def delete(self, client):
        yield client.delete(self.record.meta.record_id, self.record.meta.version)
        assert self._now() == []

    def search(self, client):
        yield self._is_all(client.search(Search(include_data=True).match(record_types=[self.type])))

    def query(self, client):
        yield self._is_all(client.query_all(record_type=self.type))

    def share(self, client):
        yield client.share(self.type, self.world.stranger.client_id)
        assert self.type in {share.record_type for share in self.direct.outgoing_sharing()}

    def revoke(self, client):
        self.direct.share(self.type, self.world.stranger.client_id)
        yield client.revoke(self.type, self.world.stranger.client_id)
        assert self.type not in {share.record_type for share in self.direct.outgoing_sharing()}

    def write_file(self, client):
        source = self.world.folder / self.type
        source.write_bytes(CONTENT)
        record = client.write_file(self.type, source)
        yield record
        self.direct.read_file(record.meta.record_id, self.world.folder / f"{self.type}.back")
        assert (self.world.folder / f"{self.type}.back").read_bytes() == CONTENT

    def read_file(self, client):
        destination = self.world.folder / f"{self.type}.read"
        try:
            client.read_file(self.world.file, destination)
        except E3DBError:
            assert not destination.exists()
            raise
        assert destination.read_bytes() == CONTENT
        yield

    def write_note(self, client):
        config = self.direct.config
        yield client.write_note({"n": "note"}, config.public_key, config.public_signing_key, NoteOptions(id_string=self.type))
        assert self.direct.read_note_by_name(self.type).data == {"n": "note"}

    def read_note(self, client):
        yield client.read_note(self.world.note)

    def _is_all(self, records):
        [record] = records
        self._is_before(record)

    def _is_before(self, record):
        assert record.data == {"n": "before"}


OPERATIONS = (
    *("register", "token", "write", "read", "update", "delete", "search", "query", "share", "revoke"),
    *("write_file", "read_file", "write_note", "read_note"),
)


class World:
    """What the cases share."""

    def __init__(self, server, client, stranger, token, folder):
        self.url, self.client, self.stranger, self.token, self.folder = server.url, client, stranger, token, folder
        (folder / "file").write_bytes(CONTENT)
        self.file = client.write_file("file", folder / "file").meta.record_id
        options = NoteOptions(max_views=100_000)
        self.note = client.write_note({"n": "1"}, client.config.public_key, client.config.public_signing_key, options).note_id


@pytest.mark.proof
def test_every_operation_ends_well_or_in_an_error_of_ours(server, client, stranger, registration_token, tmp_path, monkeypatch, proof):
    for module, name, value in SHORT:
        monkeypatch.setattr(module, name, value)
    world = World(server, client, stranger, registration_token, tmp_path)
    seeds = proof.size(1, 20)
    cases = list(itertools.product(TOXICS, OPERATIONS, range(seeds)))

    def run(number):
        kind, operation, _ = cases[number]
        for attempt in range(2):  # the machine itself may stand still for some seconds, but hardly twice
            case = Case(world, f"{number}-{attempt}", Toxic(kind, number))
            error = case.run(operation)
            if case.took < BUDGET + SPARE:
                return error, bool(case.toxic.fired), case.took
        return pytest.fail(f"{operation} with {kind} took {case.took} seconds")

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(run, range(len(cases))))
    errors = Counter(error for error, fired, _ in outcomes if fired)
    succeeded = errors.pop(None)
    # A busy machine may be silent for as long as the client waits; whatever else failed was met by a toxic.
    assert {error for error, fired, took in outcomes if not fired and took < SILENCE} <= {None}
    assert errors  # else the toxics did nothing
    names = {name.lower(): count for name, count in sorted(errors.items())}
    proof.report(
        "a bad network",
        toxics=len(TOXICS),
        operations=len(OPERATIONS),
        cases=len(cases),
        met=sum(fired for _, fired, _ in outcomes),
        succeeded=succeeded,
        **names,
    )
