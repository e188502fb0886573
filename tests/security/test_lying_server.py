"""A server that hands out access keys of its own: nothing may be encrypted with them (design section 4.9)."""

import msgspec
import pytest

from e3db_connectors.client.access_keys import AccessKeys
from e3db_connectors.crypto.access_keys import generate_access_key, seal_access_key
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import DecryptionError, NotFound, UntrustedKey
from e3db_connectors.wire.records import AccessKey

SUITE = SodiumSuite()


class LyingApi:
    """Answers any request for an access key with the one that it was given. Only a hostile server does this."""

    def __init__(self, answer):
        self.answer, self.stored = answer, []

    def get(self, _path, _kind):
        return self.answer

    def put(self, path, body, _kind, **_options):
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

        def put(self, path, _body, _kind, **_options):
            from e3db_connectors.errors import Conflict

            raise Conflict("PUT", path, 409)

    with pytest.raises(UntrustedKey):
        AccessKeys(Treacherous(planted(client, attacker)), client.config, SUITE).for_writing("type")
