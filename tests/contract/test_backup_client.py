"""The client that key backups are shared with: one that every client can share with, and whose owner can open them."""

import json
import stat
from itertools import count

import pytest

from e3db_connectors import Client, Config
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import DecryptionError, Unauthorized

SUITES = {"sodium": SodiumSuite(), "nist": NistSuite()}


@pytest.fixture
def register(registration_token):
    """Register with a backup."""
    return lambda server, suite: Client.register(registration_token, "somebody", api_url=server.url, crypto_suite=suite, backup=True)


@pytest.fixture
def sign_in(run, monkeypatch, tmp_path):
    """Sign in as the backup client, by the command that the owner of the server has for it."""
    numbers = count()

    def signed_in(server, private_key):
        number = next(numbers)
        key, credentials = tmp_path / f"{number}.key", tmp_path / f"{number}.json"
        key.write_text(private_key + "\n")
        with server.database() as connection:
            monkeypatch.setenv("E3DB_SERVER_DATABASE", connection.engine.url.render_as_string(hide_password=False))
        options = ("--private-key-file", key, "--api-url", server.url)
        done = run("e3db-connectors", "server", "backup-client", *options, credentials)
        assert (done.returncode, done.stdout) == (0, f"credentials: {credentials}\n")
        assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
        return Client(Config.from_mapping(json.loads(credentials.read_text()))), done.stderr

    return signed_in


@pytest.mark.parametrize("suite", SUITES)
def test_clients_of_both_suites_can_back_up(suite, server, register):
    made = register(server, suite)
    with Client(made.config) as client:
        [share] = client.outgoing_sharing()
        assert share.reader_id == made.backup_client_id
        assert set(client.client_info(made.backup_client_id).public_key) == {"curve25519", "p384"}


@pytest.mark.parametrize("by_variable", [False, True], ids=["options", "variable"])
def test_who_has_the_private_keys_opens_the_backups(by_variable, running_server, register, sign_in, monkeypatch, tmp_path):
    pairs = {suite: of.generate_keypair() for suite, of in SUITES.items()}
    options = [part for pair in pairs.values() for part in ("--backup-public-key", pair.public)]
    if by_variable:
        monkeypatch.setenv("E3DB_SERVER_BACKUP_PUBLIC_KEY", ", ".join(options[1::2]))
    with running_server(tmp_path, *([] if by_variable else options)) as server:
        for suite, pair in pairs.items():
            made = register(server, suite)
            owner, words = sign_in(server, pair.private)
            assert words == ""
            with owner:
                [backup] = owner.query_all(record_type="tozny.key_backup", writer=made.client_id)
            assert json.loads(backup.data["private_key"]) == made.config()["private_key"]
    assert "can be opened by nobody" not in (tmp_path / "server.log").read_text()


def test_a_key_may_be_given_later_and_stays(running_server, register, sign_in, tmp_path):
    pair = SUITES["sodium"].generate_keypair()
    with running_server(tmp_path) as server:
        before = register(server, "sodium")
    with running_server(tmp_path, "--backup-public-key", pair.public):
        pass
    with running_server(tmp_path) as server:
        after = register(server, "sodium")
        assert after.backup_client_id == before.backup_client_id
        owner, _ = sign_in(server, pair.private)
        with owner:
            [_] = owner.query_all(record_type="tozny.key_backup", writer=after.client_id)
            with pytest.raises(DecryptionError):
                list(owner.query_all(record_type="tozny.key_backup", writer=before.client_id))
    lines = [line for line in (tmp_path / "server.log").read_text().splitlines() if "can be opened by nobody" in line]
    assert [("curve25519" in line, "p384" in line) for line in lines] == [(True, True), (False, True), (False, True)]


def test_what_is_no_public_key_is_refused_before_there_is_a_database(run, tmp_path, monkeypatch):
    monkeypatch.setenv("E3DB_SERVER_DATABASE", f"sqlite:///{tmp_path / 'e3db.sqlite'}")
    monkeypatch.setenv("E3DB_SERVER_REGISTRATION_TOKEN", "a-token")
    private = SUITES["nist"].generate_keypair().private.reveal()
    done = run("e3db-connectors", "serve", "--backup-public-key", private, "--files-dir", tmp_path / "files")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "--backup-public-key must be a public key" in done.stderr
    assert private not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_the_commands_of_the_guide_show_a_backup(running_server, register, run, database_url, tmp_path, monkeypatch):
    pair = SUITES["sodium"].generate_keypair()
    (tmp_path / "backup.key").write_text(pair.private.reveal())
    monkeypatch.setenv("E3DB_SERVER_DATABASE", database_url(tmp_path))
    with running_server(tmp_path, "--backup-public-key", pair.public) as server:
        made = register(server, "sodium")
        options = ("--private-key-file", tmp_path / "backup.key", "--api-url", server.url)
        assert run("e3db-connectors", "server", "backup-client", *options, tmp_path / "backup.json").returncode == 0
        shown = ("--type", "tozny.key_backup", "--all-writers", "--data", "--json")
        done = run("e3db-connectors", "search", "--credentials-file", tmp_path / "backup.json", *shown)
    assert json.loads(json.loads(done.stdout)["data"]["client_id"]) == made.client_id


def test_new_credentials_of_the_backup_client_end_the_old_ones(server, sign_in):
    old, new = (SUITES[name].generate_keypair().private for name in ("sodium", "nist"))
    before, words = sign_in(server, old)
    assert "does not seal backups for this key now" in words
    after, _ = sign_in(server, new)
    with before, pytest.raises(Unauthorized):
        before.server_time()
    with after:
        assert after.client_id == before.client_id
        assert list(after.query_all(record_type="no such type")) == []


@pytest.mark.parametrize("content", [None, "secret"], ids=["absent", "no-key"])
def test_without_a_private_key_nothing_is_written_or_changed(content, server, run, monkeypatch, tmp_path):
    if content is not None:
        (tmp_path / "key").write_text(content, encoding="utf-8")
    with server.database() as connection:
        monkeypatch.setenv("E3DB_SERVER_DATABASE", connection.engine.url.render_as_string(hide_password=False))
    done = run("e3db-connectors", "server", "backup-client", "--private-key-file", tmp_path / "key", tmp_path / "credentials.json")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert str(tmp_path / "key") in done.stderr
    assert "secret" not in done.stderr
    assert not (tmp_path / "credentials.json").exists()
