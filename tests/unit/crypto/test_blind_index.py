"""The blind index, recomputed from its definition."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from hmac import digest

import pytest
from nacl import bindings

from e3db_connectors.crypto import blind_index, encoding
from e3db_connectors.errors import ConfigError
from e3db_connectors.sync.keys import RowKeys


def test_the_index_is_the_keyed_hash_of_its_definition():
    key, message = bytes(range(32)), b'["t",[["id","1"]]]'
    expected = urlsafe_b64encode(blake2b(message, digest_size=32, key=key, person=b"e3db.key.v1").digest()).rstrip(b"=").decode()
    kid = blake2b(key).hexdigest()[:8]
    assert blind_index.compute(key, message) == f"1.{kid}.{expected}"


def test_the_default_key_is_hkdf_of_the_private_key():
    private_key = bytes(range(100, 132))
    extracted = digest(bytes(32), private_key, "sha256")
    assert blind_index.derive_key(private_key) == digest(extracted, b"e3db blind index v1\x01", "sha256")


def test_the_index_of_a_row_is_this_and_stays_this():
    """A change of one bit would write every row of every table a second time."""
    keys = RowKeys(bytes(range(32)), "städte/größe", ["ort", "id"])
    index = keys.of({"ort": 'Köln "x"', "other": "9", "id": "1"}).index
    assert index == "1.5c52920a.gk1YakHCeNveV9Yx2GZWCWACmmKsnCFMEkjZhqY4sio"
    message = '["städte/größe",[["id","1"],["ort","Köln \\"x\\""]]]'.encode()
    libsodium = bindings.crypto_generichash_blake2b_salt_personal(message, digest_size=32, key=bytes(range(32)), person=b"e3db.key.v1")
    assert index == f"1.5c52920a.{encoding.encode(libsodium)}"


def test_the_default_key_is_this_and_stays_this():
    assert blind_index.derive_key(bytes(range(100, 132))).hex() == "28e8500cd0820c26fbf806a6c33869c1f2913a08aa2e392c187afde40e943502"
    assert str(blind_index.derive_key(bytes(32))) == "***"


def test_an_index_names_its_key():
    assert blind_index.kid_of(blind_index.compute(bytes(32), b"x")) == blind_index.key_id(bytes(32))
    assert [blind_index.kid_of(text) for text in ("", "1.a", "2.a.b", "1.a.b.c")] == [None] * 4


@pytest.mark.parametrize("size", [32, 48, 64])
def test_a_secret_is_read_from_base64url(size):
    assert blind_index.read_key(encoding.encode(bytes(range(size)))) == bytes(range(size))


@pytest.mark.parametrize("secret", ["", "not base64!", encoding.encode(bytes(31)), encoding.encode(bytes(65)), "x" * 43 + "é"])
def test_a_secret_that_is_none_is_refused_and_not_shown(secret):
    with pytest.raises(ConfigError, match="the_setting") as caught:
        blind_index.read_key(secret, what="the_setting")
    assert not secret or secret not in str(caught.value)


def test_two_secrets_of_a_rotation_differ():
    with pytest.raises(ConfigError, match="the same"):
        RowKeys(bytes(32), "t", ["id"], bytes(32))
