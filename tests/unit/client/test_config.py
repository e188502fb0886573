"""Credentials: one source, checked, never shown."""

import copy
import json
import pickle
import stat

import pytest

from e3db_connectors import Client, Config
from e3db_connectors.client import credentials, profiles
from e3db_connectors.errors import ConfigError

CREDENTIALS = {
    "client_id": "0e8eb8c6-839f-46ca-9843-801c539e490f",
    "api_key_id": "a-key-id",
    "api_secret": "the-api-secret",
    "public_key": "GzyBiGcUy_BcZcxFcLjMCKJ4CAI0lPD3ZYgJ0K4D1AE",
    "private_key": "mQDnf1BpiV3m57CGwFoiLpuKIzc0OZqB2yVEQzNReyk",
    "api_url": "http://127.0.0.1:1",
}
SECRETS = (CREDENTIALS["api_secret"], CREDENTIALS["private_key"])


@pytest.fixture
def config():
    return Config(**CREDENTIALS)


def write_profile(home, *, mode=0o600, **changes):
    path = home / ".tozny" / "e3db.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**CREDENTIALS, "version": "1", **changes}))
    path.chmod(mode)
    return path


def set_environment(monkeypatch, **values):
    for name, value in values.items():
        monkeypatch.setenv(f"E3DB_{name.upper()}", value)


def test_secrets_do_not_show_and_are_not_pickled(config):
    shown = repr(config) + str(config) + repr(Client(config))
    assert not any(secret in shown for secret in SECRETS)
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            spread(config)


def test_calling_gives_the_mapping_that_a_client_takes(config):
    assert Client(config()).config == config


@pytest.mark.parametrize("name", ["client_id", "api_key_id", "api_secret", "public_key", "private_key"])
def test_a_missing_value_is_named(name):
    with pytest.raises(ConfigError, match=f"{name} missing"):
        Config.from_mapping({**CREDENTIALS, name: None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_id", "no-uuid"),
        ("api_url", "ftp://x"),
        ("api_url", "nowhere"),
        ("api_url", "http://[::1"),
        ("api_url", "http://h:99999"),
        ("api_url", "http://user:pw@h"),
        ("api_url", "http://h/path"),
        ("api_url", "http://h?q=1"),
        ("client_id", ["x"]),
        ("api_secret", "geheimniß"),
        ("api_secret", 7),
    ],
)
def test_a_malformed_value_is_named_and_not_shown(name, value):
    with pytest.raises(ConfigError, match=name) as caught:
        Config.from_mapping({**CREDENTIALS, name: value})
    assert str(value) not in str(caught.value)


def test_keys_that_do_not_belong_together_are_refused():
    other = "n-cCkZPYKKD_aTdywSdvASFvX2ffmWTy1bB7bj6pEUk"
    with pytest.raises(ConfigError, match="do not belong together"):
        Client({**CREDENTIALS, "public_key": other})


def test_a_written_file_is_private_and_reads_back(config, tmp_path):
    path = tmp_path / "new" / "e3db.json"
    config.write_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Config.from_file(path) == config


def test_a_file_is_never_overwritten(config, tmp_path):
    path = tmp_path / "e3db.json"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="never overwritten"):
        config.write_file(path)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("version", ["1", "2", 1, 2])
def test_versions_as_text_or_number_are_read(version, tmp_path):
    assert Config.from_file(write_profile(tmp_path, version=version)).api_key_id == "a-key-id"


def test_a_file_that_others_can_read_warns(tmp_path, caplog):
    path = write_profile(tmp_path, mode=0o644)
    Config.from_file(path)
    assert f"chmod 600 {path}" in caplog.text


def test_a_private_file_does_not_warn(tmp_path, caplog):
    Config.from_file(write_profile(tmp_path))
    assert not caplog.text


@pytest.mark.parametrize("content", ["{", "[]", "7", '{"client_id": "x"}'])
def test_a_spoilt_file_is_named(content, tmp_path):
    path = tmp_path / "e3db.json"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=str(path)):
        Config.from_file(path)


def test_a_file_of_another_encoding_is_named(tmp_path):
    path = tmp_path / "e3db.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        Config.from_file(path)


@pytest.mark.parametrize("profile", ["..", "a/b", "a\\b", "."])
def test_a_profile_is_no_path(profile):
    with pytest.raises(ConfigError, match="plain name"):
        profiles.profile_path(profile)


def test_settings_go_before_environment_before_profile(monkeypatch, tmp_path):
    write_profile(tmp_path / "home", api_key_id="from-profile")
    assert credentials.resolve({}).api_key_id == "from-profile"
    set_environment(monkeypatch, **{**CREDENTIALS, "api_key_id": "from-environment"})
    assert credentials.resolve({}).api_key_id == "from-environment"
    assert credentials.resolve({**CREDENTIALS, "api_key_id": "from-settings"}).api_key_id == "from-settings"


def test_a_profile_can_be_named_in_settings_or_environment(monkeypatch, tmp_path):
    Config(**{**CREDENTIALS, "api_key_id": "from-work"}).write_file(tmp_path / "home" / ".tozny" / "work" / "e3db.json")
    assert credentials.resolve({"profile": "work"}).api_key_id == "from-work"
    monkeypatch.setenv("E3DB_PROFILE", "work")
    assert credentials.resolve().api_key_id == "from-work"


def test_half_a_set_is_not_filled_up_from_the_next_source(monkeypatch, tmp_path):
    write_profile(tmp_path / "home")
    with pytest.raises(ConfigError, match=r"settings: api_key_id, api_secret, public_key, private_key missing"):
        credentials.resolve({"client_id": CREDENTIALS["client_id"]})
    monkeypatch.setenv("E3DB_API_URL", "http://127.0.0.1:1")
    assert credentials.resolve({}).api_key_id == "a-key-id"  # an address alone is no credential
    monkeypatch.setenv("E3DB_API_SECRET", "lonely-secret")
    with pytest.raises(ConfigError, match=r"environment E3DB_.*client_id") as caught:
        credentials.resolve({})
    assert "lonely-secret" not in str(caught.value)


def test_two_sources_in_the_settings_are_refused():
    with pytest.raises(ConfigError, match="only one of the three"):
        credentials.resolve({**CREDENTIALS, "profile": "work"})


def test_no_credentials_anywhere_says_what_to_do():
    with pytest.raises(ConfigError, match="e3db-connectors register"):
        credentials.resolve()


@pytest.mark.parametrize("name", ["public_key", "private_key", "public_signing_key", "private_signing_key"])
def test_a_key_with_a_character_of_no_key_is_told_without_it(name, config):
    with pytest.raises(ConfigError, match=f"{name} holds a character") as caught:
        Config.from_mapping({**config(), name: "a key\n"})
    assert "a key\n" not in str(caught.value)
