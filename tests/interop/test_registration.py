"""Clients that the original SDKs register, with and without a backup of their credentials."""

import json

import pytest

from e3db_connectors import Client, Config, Search

pytestmark = pytest.mark.parametrize("sdk", ["python", "js"])


@pytest.fixture
def register(sdk, original, server, registration_token):
    """Let the original SDK register a client."""
    return lambda **options: original(sdk).register(token=registration_token, name="theirs", api_url=server.url, **options)


def test_a_client_of_theirs_works_here(register, other):
    with Client(Config.from_mapping(register())) as made:
        made.share("note", other.client_id)
        assert other.read(made.write("note", {"a": "1"}).meta.record_id).data == {"a": "1"}
        assert [share.writer_name for share in other.incoming_sharing()] == ["theirs"]


def test_the_credentials_are_backed_up(register):
    credentials = register(backup=True)
    with Client(Config.from_mapping(credentials)) as made:
        (backup,) = made.search(Search(include_data=True).match(record_types=["tozny.key_backup"]))
        assert backup.meta.plain == {"client": made.client_id}
        kept = {name: json.loads(text) for name, text in backup.data.items()}
        secrets = {"client_id", "api_key_id", "api_secret", "public_key", "private_key", "public_signing_key", "private_signing_key"}
        assert {name: kept[name] for name in secrets} == {name: credentials[name] for name in secrets}
        (share,) = made.outgoing_sharing()
        assert share.record_type == "tozny.key_backup"


def test_no_backup_unless_asked_for(register):
    with Client(Config.from_mapping(register())) as made:
        assert len(made.search(Search())) == 0
        assert made.outgoing_sharing() == []
