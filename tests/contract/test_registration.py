"""Registering by the client, with and without keys of one's own, with and without a backup."""

import pytest
from sqlalchemy import text

from e3db_connectors import Client
from e3db_connectors.client import client as client_module
from e3db_connectors.errors import BackupFailed, NotFound, TransportError, Unauthorized, UsageError


@pytest.fixture
def register(server, registration_token):
    return lambda *arguments, **options: Client.register(registration_token, "somebody", *arguments, api_url=server.url, **options)


def has_backup(server, client_id):
    with server.database() as connection:
        return bool(connection.scalar(text("SELECT has_backup FROM clients WHERE client_id = :id"), {"id": client_id}))


@pytest.mark.parametrize("suite", ["sodium", "nist"])
def test_keys_are_made_here_unless_they_are_given(register, suite):
    made = register(crypto_suite=suite)
    with Client(made.config) as client:
        assert client.client_info(made.client_id).public_key == {"curve25519" if suite == "sodium" else "p384": made.public_key}
        assert client.client_info(made.client_id).signing_key == {"ed25519": made.signing_keys.public}
        assert client.read(client.write("t", {"a": "1"}).meta.record_id).data == {"a": "1"}


def test_given_keys_are_registered(register):
    keys, signing = Client.generate_keypair(), Client.generate_signing_keypair()
    made = register(keys.public, private_key=keys.private, public_signing_key=signing.public, private_signing_key=signing.private)
    assert (made.config.public_key, made.config.private_signing_key) == (keys.public, signing.private)
    assert made.config.version == "2"


def test_without_the_private_key_there_are_no_credentials(register):
    made = register(Client.generate_keypair().public)
    assert made.api_secret
    with pytest.raises(UsageError, match="private key"):
        _ = made.config


def test_keys_of_two_pairs_are_refused_before_anything_is_sent(register):
    with pytest.raises(UsageError, match="belong together"):
        register(Client.generate_keypair().public, private_key=Client.generate_keypair().private)


def test_a_backup_is_shared_with_the_backup_client(register, server):
    made = register(backup=True)
    with Client(made.config) as client:
        [share] = client.outgoing_sharing()
        assert (share.reader_id, share.record_type) == (made.backup_client_id, "tozny.key_backup")
        [record] = client.query_all(record_type="tozny.key_backup")
    assert record.meta.plain == {"client": made.client_id}
    assert record.data["version"] == "2"
    assert record.data["api_secret"] == f'"{made.api_secret.reveal()}"'
    assert has_backup(server, made.client_id)
    assert not has_backup(server, register().client_id)


def test_a_backup_needs_the_private_key(register):
    with pytest.raises(UsageError, match="private_key"):
        register(Client.generate_keypair().public, backup=True)


def test_a_backup_with_a_wrong_token_does_not_show_it(register):
    made = register()
    with Client(made.config) as client, pytest.raises(Unauthorized) as failed:
        client.backup(made.backup_client_id, "a-wrong-token")
    assert "a-wrong-token" not in str(failed.value) + repr(failed.value) + failed.value.path


def test_a_client_whose_backup_fails_is_not_lost(register, monkeypatch):
    def fail(*_):
        raise TransportError("no reply")

    monkeypatch.setattr(client_module.Client, "backup", fail)
    with pytest.raises(BackupFailed, match="is registered") as failed:
        register(backup=True)
    monkeypatch.undo()
    with Client(failed.value.details.config) as client:
        client.write("t", {"a": "1"})


def test_an_unknown_backup_client_is_an_error(register, registration_token):
    made = register()
    with Client(made.config) as client, pytest.raises(NotFound):
        client.backup("00000000-0000-4000-8000-000000000000", registration_token)
