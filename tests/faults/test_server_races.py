"""Many at once: of those who update one version one wins, and who has lost the right to read reads no more."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

RECORDS = "/v1/storage/records"


class Caller:
    """Calls of one client, each thread by a connection of its own."""

    def __init__(self, client):
        self.client, self.url, self._local = client, client.config.api_url, threading.local()
        config = client.config
        answer = requests.post(f"{self.url}/v1/auth/token", auth=(config.api_key_id, config.api_secret), timeout=30)
        self.headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def __call__(self, method, path, **options):
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        return self._local.session.request(method, self.url + path, headers=self.headers, timeout=60, **options)


def upload(client_id, **data):
    return {"meta": {"writer_id": client_id, "user_id": client_id, "type": "t", "plain": {"k": "v"}}, "data": data}


@pytest.mark.proof
def test_one_of_fifty_updates_of_a_version_wins(client, proof):
    writers, rounds, counts = 50, proof.size(6, 200), Counter()
    records = 20
    call = Caller(client)
    current = [call("POST", RECORDS, json=upload(client.client_id, n="0")).json() for _ in range(records)]
    chains = [[record["meta"]["version"]] for record in current]
    together = threading.Barrier(writers)

    def attempt(number, record_id, version):
        together.wait(30)
        return call("PUT", f"{RECORDS}/safe/{record_id}/{version}", json=upload(client.client_id, n=str(number)))

    with ThreadPoolExecutor(writers) as pool:
        for round_ in range(rounds):
            chain = chains[round_ % records]
            record_id = current[round_ % records]["meta"]["record_id"]
            answers = [*pool.map(attempt, range(writers), [record_id] * writers, [chain[-1]] * writers)]
            assert Counter(answer.status_code for answer in answers) == {200: 1, 409: writers - 1}
            counts["won"] += 1
            counts["refused"] += writers - 1
            (number, won), *_ = [(number, answer.json()) for number, answer in enumerate(answers) if answer.status_code == 200]
            stored = call("GET", f"{RECORDS}/{record_id}").json()
            assert stored == won
            assert stored["data"] == {"n": str(number)}
            chain.append(stored["meta"]["version"])
    versions = [version for chain in chains for version in chain]
    assert len(set(versions)) == len(versions) == records + rounds
    proof.report("one winner per version", threads=writers, rounds=rounds, **counts)


def reads(owner, record_id, file_id):
    """All ways to read what is shared: a request, and what tells from its answer that something was read."""
    everyone = {"include_all_writers": True, "include_data": True, "writer_ids": None}
    match = {"match": [{"terms": {"content_types": ["t"]}}]}
    return {
        "read": (("GET", f"{RECORDS}/{record_id}", {}), lambda answer: answer.status_code == 200),
        "batch get": (
            ("GET", RECORDS, {"json": {"record_ids": [record_id], "include_data": True}}),
            lambda answer: answer.json()["records"],
        ),
        "query": (("POST", "/v1/storage/search", {"json": everyone}), lambda answer: answer.json()["results"]),
        "query by writer": (("POST", "/v1/storage/search", {"json": {"writer_ids": [owner]}}), lambda answer: answer.json()["results"]),
        "search": (("POST", "/v2/search", {"json": {**everyone, **match}}), lambda answer: answer.json()["total_results"]),
        "file URL": (("GET", f"/v1/storage/files/{file_id}", {}), lambda answer: answer.status_code == 200),
    }


@pytest.mark.proof
def test_no_read_that_begins_after_a_revoke_succeeds(client, stranger, proof, tmp_path):
    counts, threads = Counter(), 20
    record_id = client.write("t", {"a": "1"}).meta.record_id
    (tmp_path / "file").write_bytes(b"x" * 100)
    file_id = client.write_file("t", tmp_path / "file").meta.record_id
    ways = reads(client.client_id, record_id, file_id)
    writer, reader = Caller(client), Caller(stranger)
    path = f"/v1/storage/policy/{client.client_id}/{client.client_id}/{stranger.client_id}/t"

    def read_on(number, revoked, reading, stopped):
        """Read until some time after the revoke; what was read before it and after it, by way."""
        seen = []
        for turn in range(number, number + 10_000):
            way = [*ways][turn % len(ways)]
            (method, where, options), succeeded = ways[way]
            began_after = revoked.is_set()
            answer = reader(method, where, **options)
            assert answer.status_code in {200, 404}
            seen.append((began_after, way, bool(succeeded(answer))))
            if len(seen) == len(ways):
                reading.release()
            if stopped.is_set():
                return seen
        raise AssertionError("nobody has stopped the readers")

    with ThreadPoolExecutor(threads) as pool:
        for _ in range(proof.size(2, 100)):
            assert writer("PUT", path, json={"allow": [{"read": {}}]}).status_code == 201
            revoked, stopped, reading = threading.Event(), threading.Event(), threading.Semaphore(0)
            readers = [pool.submit(read_on, number, revoked, reading, stopped) for number in range(threads)]
            for _ in range(threads):
                assert reading.acquire(timeout=60)
            assert writer("PUT", path, json={"deny": [{"read": {}}]}).status_code == 201
            revoked.set()
            for (method, where, options), succeeded in ways.values():
                assert not succeeded(reader(method, where, **options))  # while the others still read
            stopped.set()
            seen = [done.result() for done in readers]
            assert all(succeeded for entries in seen for _, _, succeeded in entries[: len(ways)])  # so these ways do lead to it
            for began_after, way, succeeded in (entry for entries in seen for entry in entries):
                counts["after" if began_after else "before"] += 1
                counts["after and read"] += began_after and succeeded
                assert not (began_after and succeeded), way
            counts["revokes"] += 1
    assert counts["before"] >= counts["revokes"] * threads * len(ways)
    assert counts["after"] >= counts["revokes"] * threads
    proof.report("revoke during reads", threads=threads, ways=len(ways), **counts)
