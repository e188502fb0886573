"""Limits on guessing secrets, and on the notes of callers whom nobody knows."""

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import requests
from requests.adapters import HTTPAdapter

from e3db_connectors.crypto import signatures
from e3db_connectors.wire import tsv1

TOKEN = "/v1/auth/token"
NOTES = "/v2/storage/notes"
OF_KEY, OF_ADDRESS, NOTES_OF_ADDRESS, NOTES_IN_ALL = 10, 100, 30, 300


@pytest.fixture
def own(running_server, tmp_path):
    """A server of the test's own, whose counts nobody else touches."""
    with running_server(tmp_path) as started:
        yield started


class From:
    """Calls from one of the addresses of the loopback network."""

    def __init__(self, server, number=1):
        self.url = server.url
        self.session = requests.Session()
        self.session.trust_env = False
        adapter = HTTPAdapter()
        adapter.init_poolmanager(10, 10, source_address=(f"127.0.0.{number}", 0))
        self.session.mount("http://", adapter)

    def __call__(self, method, path, **options):
        return self.session.request(method, self.url + path, timeout=30, **options)

    def sign_in(self, key_id, secret):
        return self("POST", TOKEN, auth=(key_id, secret))

    def signed(self, method, path, query="", keys=None, client_id="", **options):
        keys = keys or signatures.generate_signing_keypair()
        header = tsv1.Tsv1Header(keys.public, int(time.time()), str(uuid4()), client_id)
        signature = signatures.sign(signatures.digest(header.to_sign(method, path, query)), keys.private)
        headers = {"Authorization": dataclasses.replace(header, signature=signature).text()}
        return self(method, path + (f"?{query}" if query else ""), headers=headers, **options)

    def write_note(self, client=None):
        keys = client._signing_keys if client else signatures.generate_signing_keypair()
        note = {"recipient_signing_key": keys.public, "writer_signing_key": keys.public, "writer_encryption_key": "w"}
        note |= {"encrypted_access_key": "e", "mode": "Sodium", "signature": "signed", "data": {}}
        return self.signed("POST", NOTES, keys=keys, client_id=client.client_id if client else "", json=note)


@pytest.fixture
def from_address(own):
    """Make a `From`."""
    made = []

    def make(number=1):
        made.append(From(own, number))
        return made[-1]

    yield make
    for caller in made:
        caller.session.close()


def assert_limited(answer):
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize("known", [True, False])
def test_wrong_secrets_are_limited_and_the_right_one_never(own, from_address, known):
    with own.register() as client:
        config = client.config
    key_id = config.api_key_id if known else "0" * 64
    caller = from_address()
    assert [caller.sign_in(key_id, "wrong").status_code for _ in range(OF_KEY)] == [401] * OF_KEY
    for _ in range(3):
        assert_limited(caller.sign_in(key_id, "wrong"))
        assert caller.sign_in(config.api_key_id, config.api_secret).status_code == 200


def test_wrong_secrets_count_for_their_address_and_key_alone(from_address):
    caller, other = from_address(), from_address(2)
    for _ in range(OF_KEY + 1):
        last = caller.sign_in("one", "wrong")
    assert_limited(last)
    assert caller.sign_in("two", "wrong").status_code == 401
    assert other.sign_in("one", "wrong").status_code == 401


def test_an_address_may_not_try_one_key_after_the_other(own, from_address):
    caller = from_address()
    statuses = [caller.sign_in(f"key-{number}", "wrong").status_code for number in range(OF_ADDRESS + 5)]
    assert statuses == [401] * OF_ADDRESS + [429] * 5
    with own.register() as client:
        assert caller.sign_in(client.config.api_key_id, client.config.api_secret).status_code == 200


def test_guesses_at_the_same_time_are_all_counted(from_address):
    caller = from_address()
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: caller.sign_in("one", "wrong").status_code, range(40)))
    assert sorted(statuses) == [401] * OF_KEY + [429] * (40 - OF_KEY)


def test_failures_outlive_the_process(running_server, tmp_path):
    def guess(times):
        with running_server(tmp_path) as server:
            caller = From(server)
            with caller.session:
                return [caller.sign_in("one", "wrong").status_code for _ in range(times)]

    assert guess(6) == [401] * 6
    assert guess(6) == [401] * 4 + [429] * 2


def test_what_is_no_attempt_is_not_counted(from_address):
    caller = from_address()
    for header in (None, "Basic", "Basic !", "Bearer x", "Basic bm9jb2xvbg=="):
        headers = {"Authorization": header} if header else {}
        assert {caller("POST", TOKEN, headers=headers).status_code for _ in range(OF_ADDRESS + 1)} == {401}, header


def test_anonymous_notes_are_limited_by_address(own, from_address):
    caller = from_address()
    assert [caller.write_note().status_code for _ in range(NOTES_OF_ADDRESS)] == [201] * NOTES_OF_ADDRESS
    assert_limited(caller.write_note())
    assert from_address(2).write_note().status_code == 201
    with own.register() as client:
        assert caller.write_note(client).status_code == 201


def test_anonymous_notes_are_limited_in_total(own, from_address):
    addresses = NOTES_IN_ALL // NOTES_OF_ADDRESS

    def write(number):
        caller = from_address(number)
        return [caller.write_note().status_code for _ in range(NOTES_OF_ADDRESS)]

    with ThreadPoolExecutor(4) as threads:
        statuses = [status for answers in threads.map(write, range(2, addresses + 2)) for status in answers]
    assert statuses == [201] * NOTES_IN_ALL
    assert_limited(from_address().write_note())
    with own.register() as client:
        assert from_address().write_note(client).status_code == 201


@pytest.mark.parametrize("path", ["", "/views"])
def test_a_server_may_have_no_anonymous_notes(running_server, tmp_path, path):
    with running_server(tmp_path, "--no-anonymous-notes") as server, server.register() as client:
        caller = From(server)
        with caller.session:
            note = caller.write_note(client)
            assert note.status_code == 201
            query = f"note_id={note.json()['note_id']}"
            assert caller.write_note().status_code == 403
            assert caller.signed("GET", NOTES + path, query).status_code == 403
            assert caller.signed("GET", NOTES + path, query, client._signing_keys).status_code == 403
            assert caller.signed("DELETE", f"{NOTES}/{note.json()['note_id']}").status_code == 403
            assert caller.signed("GET", NOTES + path, query, client._signing_keys, client.client_id).status_code == 200
