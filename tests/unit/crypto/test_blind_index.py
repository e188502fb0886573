"""The blind index, recomputed from its definition."""

from base64 import urlsafe_b64encode
from hashlib import blake2b
from hmac import digest

from e3db_connectors.crypto import blind_index


def test_the_index_is_the_keyed_hash_of_its_definition():
    key, message = bytes(range(32)), b'["t",[["id","1"]]]'
    expected = urlsafe_b64encode(blake2b(message, digest_size=32, key=key, person=b"e3db.key.v1").digest()).rstrip(b"=").decode()
    kid = blake2b(key).hexdigest()[:8]
    assert blind_index.compute(key, message) == f"1.{kid}.{expected}"


def test_the_default_key_is_hkdf_of_the_private_key():
    private_key = bytes(range(100, 132))
    extracted = digest(bytes(32), private_key, "sha256")
    assert blind_index.derive_key(private_key) == digest(extracted, b"e3db blind index v1\x01", "sha256")
