"""A server that hands out access keys of its own: nothing may be encrypted with them (design section 4.9)."""

import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from e3db_connectors.client.access_keys import AccessKeys
from e3db_connectors.crypto.access_keys import generate_access_key, seal_access_key
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import DecryptionError, NotFound, UntrustedKey
from e3db_connectors.wire.accounts import ClientInfo
from e3db_connectors.wire.records import AccessKey, Meta

SUITE = SodiumSuite()


class LyingApi:
    """Answers any request for an access key with the one that it was given. Only a hostile server does this."""

    def __init__(self, answer):
        self.answer, self.stored = answer, []

    def get(self, _path, _kind):
        return self.answer

    def store(self, path, body):
        self.stored.append((path, body))


@pytest.fixture
def attacker():
    return SUITE.generate_keypair()


def planted(client, attacker, **claims):
    """An access key that the attacker knows, sealed for the client so that it opens."""
    key = seal_access_key(SUITE, generate_access_key(), client.config.public_key, attacker.private)
    honest = AccessKey(key, authorizer_id=client.client_id, authorizer_public_key={"curve25519": attacker.public})
    return msgspec.structs.replace(honest, **claims)


@pytest.mark.parametrize("says_who", ["us", "somebody else"])
def test_a_key_that_the_server_knows_is_refused_before_anything_is_encrypted(says_who, client, attacker):
    claims = {} if says_who == "us" else {"authorizer_id": "11111111-1111-4111-8111-111111111111"}
    keys = AccessKeys(LyingApi(planted(client, attacker, **claims)), client.config, SUITE)
    with pytest.raises(UntrustedKey, match="did not make"):
        keys.for_writing("type")


def test_naming_our_own_public_key_does_not_make_it_ours(client, attacker):
    """The key was sealed by the attacker, so with our own public key it does not open."""
    answer = planted(client, attacker, authorizer_public_key={"curve25519": client.config.public_key})
    with pytest.raises(DecryptionError):
        AccessKeys(LyingApi(answer), client.config, SUITE).for_writing("type")


def test_a_key_planted_between_our_two_looks_is_refused(client, attacker):
    """The server answers 404, then 409 to our own key, then with its own."""

    class Treacherous(LyingApi):
        def get(self, path, kind):
            if not self.stored:
                self.stored.append(path)
                raise NotFound("GET", path, 404)
            return super().get(path, kind)

        def store(self, path, _body):
            from e3db_connectors.errors import Conflict

            raise Conflict("PUT", path, 409)

    with pytest.raises(UntrustedKey):
        AccessKeys(Treacherous(planted(client, attacker)), client.config, SUITE).for_writing("type")


FOREIGN = Meta("22222222-2222-4222-8222-222222222222", "22222222-2222-4222-8222-222222222222", "type")


def test_a_foreign_key_by_somebody_who_is_not_trusted_is_refused(client, attacker):
    """The server hands a reader a key that it knows, so that it could feed it records of its own making."""
    answer, honest = planted(client, attacker), SUITE.generate_keypair()
    keys = AccessKeys(LyingApi(answer), client.config, SUITE, [honest.public])
    for read in (keys.for_reading, keys.of_writer, lambda meta: keys.for_reading(meta, answer)):
        with pytest.raises(UntrustedKey, match="not trusted"):
            read(FOREIGN)
    named = msgspec.structs.replace(answer, authorizer_public_key={"curve25519": honest.public})
    with pytest.raises(DecryptionError):
        AccessKeys(LyingApi(named), client.config, SUITE, [honest.public]).for_reading(FOREIGN)


def test_without_a_list_of_trusted_authorizers_the_server_vouches(client, attacker):
    assert AccessKeys(LyingApi(planted(client, attacker)), client.config, SUITE).for_reading(FOREIGN)


def test_sharing_with_a_key_that_the_server_made_up_is_refused_before_anything_is_sent(client, stranger, attacker, monkeypatch):
    sent = []
    honest_get, honest_store = client._api.get, client._api.store
    client.write("type", {"a": "1"})
    lie = ClientInfo(stranger.client_id, {"curve25519": attacker.public}, validated=True)
    monkeypatch.setattr(client._api, "get", lambda path, kind: lie if kind is ClientInfo else honest_get(path, kind))
    monkeypatch.setattr(client._api, "store", lambda *arguments: sent.append(arguments) or honest_store(*arguments))
    for share in (client.share, client.add_authorizer):
        with pytest.raises(UntrustedKey, match="nothing was shared"):
            share("type", stranger.client_id, **{PINS[share.__name__]: stranger.config.public_key})
    assert sent == []
    assert client.outgoing_sharing() == client.get_authorizers() == []


PINS = {"share": "reader_public_key", "add_authorizer": "authorizer_public_key"}


def test_who_sealed_a_key_is_told(client, stranger):
    client.write("type", {"a": "1"})
    client.share("type", stranger.client_id)
    assert stranger.authorizer_of(client.client_id, "type") == (client.client_id, client.config.public_key)
    with pytest.raises(NotFound):
        stranger.authorizer_of(client.client_id, "another type")


def test_our_key_of_one_type_is_not_taken_for_another(client, stranger, monkeypatch):
    """A reader of the one type, even one whose right was taken, could else read the other."""
    client.share("public", stranger.client_id)
    client.revoke("public", stranger.client_id)
    get = client._api.get
    monkeypatch.setattr(client._api, "get", lambda path, kind: get(path.replace("/secret", "/public"), kind))
    with pytest.raises(UntrustedKey, match="'public'"):
        client.write("secret", {"a": "1"})


def test_a_slow_key_holds_nobody_up_who_wants_another(client, monkeypatch):
    client.write("known", {"a": "1"})
    begun, released = threading.Event(), threading.Event()
    get = client._api.get

    def slow(path, kind):
        if path.endswith("/slow"):
            begun.set()
            assert released.wait(60)
        return get(path, kind)

    monkeypatch.setattr(client._api, "get", slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.write, "slow", {"a": "1"})
        assert begun.wait(60)
        assert client.write("known", {"a": "2"}).data == {"a": "2"}
        released.set()
        assert waiting.result(60).data == {"a": "1"}
