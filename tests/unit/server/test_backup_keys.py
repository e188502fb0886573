"""Public keys of the backup client, as they are given and made."""

import pytest

from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError
from e3db_connectors.server import backup_keys

SODIUM, NIST = SodiumSuite(), NistSuite()
P256 = """\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


def test_keys_of_clients_are_told_apart():
    sodium, nist = SODIUM.generate_keypair().public, NIST.generate_keypair().public
    assert backup_keys.parse([nist, sodium]) == {"curve25519": sodium, "p384": nist}
    assert backup_keys.parse([sodium]) == {"curve25519": sodium}
    assert backup_keys.parse([]) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "key",
        "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTg",
        "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",
        "A" * 43,
        P256,
        backup_keys.encoding.encode(P256.encode()),
        NIST.generate_keypair().private.reveal(),
    ],
    ids=["empty", "no-key", "short", "other-alphabet", "zeros", "bare-pem", "other-curve", "private"],
)
def test_what_is_no_public_key_of_a_suite_is_refused(text):
    with pytest.raises(ConfigError, match="must be a public key") as refused:
        backup_keys.parse([text])
    assert len(text) < 4 or text not in str(refused.value)


@pytest.mark.parametrize("make", [SODIUM.generate_keypair, NIST.generate_keypair], ids=["sodium", "nist"])
def test_two_keys_of_a_kind_are_refused(make):
    with pytest.raises(ConfigError, match="twice"):
        backup_keys.parse([make().public, make().public])


@pytest.mark.parametrize(("name", "suite"), [("curve25519", SODIUM), ("p384", NIST)])
def test_a_key_that_is_made_can_be_sealed_for_and_is_a_new_one(name, suite):
    made = backup_keys.make(name)
    assert backup_keys.parse([made]) == {name: made}
    assert backup_keys.make(name) != made
    nonce = bytes(suite.nonce_size)
    assert suite.wrap(bytes(32), made, suite.generate_keypair().private, nonce)
