"""The hook: where its credentials come from, what it masks, what it offers, and how its errors end a task."""

import json

import pytest
from airflow.sdk import Connection
from airflow.sdk._shared.secrets_masker import _secrets_masker
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException
from airflow.sdk.log import redact

from e3db_connectors import Search, errors
from e3db_connectors.airflow.hooks.e3db import E3DBHook


def hook_of(values, connect):
    connect(values)
    return E3DBHook()


def as_uri(values):
    return Connection(conn_id="x", **{**values, "extra": json.dumps(values["extra"])}).get_uri()


def as_short_uri(values):
    host = values["host"].removeprefix("http://")
    return as_uri({**values, "host": host.split(":")[0], "port": int(host.split(":")[1]), "schema": "http"})


def pasted(config):
    return {"conn_type": "e3db", "extra": {"credentials_secret": config.to_json()}}


@pytest.fixture(
    params=["form", "uri", "uri with /http", "pasted file", "pasted file as object", "pasted file and its host", "names of a file"]
)
def values(request, client, values_of):
    config, form = client.config, values_of(client.config)
    return {
        "form": form,
        "uri": as_uri(form),
        "uri with /http": as_short_uri(form),
        "pasted file": pasted(config),
        "pasted file as object": {"conn_type": "e3db", "extra": {"credentials_secret": config()}},
        "pasted file and its host": {**pasted(config), "host": config.api_url},
        "names of a file": {"conn_type": "e3db", "extra": config()},
    }[request.param]


def test_every_way_to_write_a_connection_signs_in(values, client, connect):
    with hook_of(values, connect) as hook:
        assert hook.test_connection() == (True, f"signed in as {client.client_id}, and opened an access key")
        assert hook.get_conn().config == client.config


def test_every_secret_is_registered_with_airflows_masker(values, client, connect):
    secrets = [client.config.api_secret.reveal(), client.config.private_key.reveal(), client.config.private_signing_key.reveal()]
    told = "told: " + ", ".join(secrets)
    _secrets_masker().reset_masker()  # to make a URI of a connection has masked some already
    assert redact(told) == told
    with hook_of(values, connect) as hook:
        hook.get_conn()
    assert redact(told) == "told: ***, ***, ***"
    assert all(secret not in redact(client.config.to_json()) for secret in secrets)


def test_secrets_of_half_a_set_are_masked_too(client, values_of, connect):
    values = values_of(client.config, client_id="")
    assert not hook_of(values, connect).test_connection()[0]
    assert redact(f"{values['extra']['signing_private_key']} {values['password']}") == "*** ***"


@pytest.mark.usefixtures("_environment")
def test_secrets_of_the_environment_are_masked(stranger):
    E3DBHook(None).get_conn()
    assert redact(stranger.config.private_signing_key.reveal()) == "***"


def test_a_credentials_file_on_the_worker(client, credentials_file, connect):
    with hook_of({"conn_type": "e3db", "extra": {"credentials_file": str(credentials_file)}}, connect) as hook:
        assert hook.get_conn().config == client.config


@pytest.fixture
def _environment(stranger, monkeypatch):
    for name, value in stranger.config().items():
        monkeypatch.setenv(f"E3DB_{name.upper()}", value)


@pytest.mark.usefixtures("_environment", "connected")
def test_one_source_alone(client, stranger, connect):
    for hook, expected in [
        (E3DBHook(), client),
        (E3DBHook(config=stranger.config), stranger),
        (E3DBHook(config=stranger.config()), stranger),
        (E3DBHook(None), stranger),
    ]:
        assert hook.get_conn().client_id == expected.client_id
    assert hook_of({"conn_type": "e3db"}, connect).get_conn().client_id == stranger.client_id


@pytest.mark.usefixtures("_environment")
def test_half_a_set_is_an_error_and_not_filled_up(values_of, client, connect):
    shown = hook_of({"conn_type": "e3db", "host": client.config.api_url}, connect).test_connection()
    assert shown == (False, "connection e3db_default: client_id, api_key_id, api_secret, public_key, private_key missing")
    assert hook_of(values_of(client.config, private_key=""), connect).test_connection() == (
        False,
        "connection e3db_default: private_key missing",
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"credentials_secret": "{}"}, "only one of the three"),
        ({"profile": "work"}, "only one of the three"),
        ({"private_signing_key": "another"}, "two different values for private_signing_key"),
        ({"api_url": "http://127.0.0.1:1"}, "two different values for api_url"),
        ({"public_key": "A" * 43}, "do not belong together"),
    ],
)
def test_a_contradiction_is_an_error(changes, words, values_of, client, connect):
    ok, shown = hook_of(values_of(client.config, **changes), connect).test_connection()
    assert not ok
    assert words in shown


@pytest.mark.parametrize("secret", ["no json", "[]", "[" * 100_000])
def test_what_is_pasted_must_be_a_credentials_file(secret, connect):
    ok, shown = hook_of({"conn_type": "e3db", "extra": {"credentials_secret": secret}}, connect).test_connection()
    assert not ok
    assert "credentials_secret is not the content of a credentials file" in shown
    assert secret[:50] not in shown


def test_a_test_tells_what_is_wrong(client, stranger, values_of, connect):
    wrong = values_of(client.config) | {"password": "wrong-secret-0123456789"}
    ok, shown = hook_of(wrong, connect).test_connection()
    assert (ok, "HTTP 401" in shown, "wrong-secret" in shown) == (False, True, False)
    keys = {"public_key": stranger.config.public_key, "private_key": stranger.config.private_key.reveal()}
    mixed = values_of(client.config, **keys, signing_public_key="", signing_private_key="")
    assert hook_of(mixed, connect).test_connection() == (
        False,
        "the server knows another public key of this client than the connection has",
    )
    assert E3DBHook("nowhere").test_connection()[0] is False
    with pytest.raises(AirflowNotFoundException):
        E3DBHook("nowhere").get_conn()


@pytest.mark.usefixtures("connected")
def test_a_client_is_made_once_and_at_first_use(monkeypatch):
    E3DBHook("nowhere")
    with E3DBHook() as hook:
        client = hook.get_conn()
        monkeypatch.delenv("AIRFLOW_CONN_E3DB_DEFAULT")
        assert hook.get_conn() is client
    with pytest.raises(AirflowNotFoundException):
        hook.get_conn()


def test_trusted_authorizers_of_the_connection_and_explicit_ones(client, stranger, values_of, connect):
    stranger.write("t", {"a": "x"})
    stranger.share("t", client.client_id)
    connect(values_of(client.config, trusted_authorizers=client.config.public_key + ", "))
    with E3DBHook(trusted_authorizers=[stranger.config.public_key]) as hook:
        assert len(hook.get_conn().query(writer="all", record_type="t")) == 1
    with pytest.raises(AirflowFailException, match="not trusted"), E3DBHook() as hook:
        hook.get_conn().query(writer="all", record_type="t")


def test_search_pages(connected):
    for number in range(5):
        connected.write("t", {"n": str(number)})
    search = Search(include_data=True, count=2).match(record_types="t")
    with E3DBHook() as hook:
        for _ in range(2):  # the search itself is left as it was
            pages = list(hook.search_pages(search))
            assert [len(page) for page in pages] == [2, 2, 1]
            assert {record.data["n"] for page in pages for record in page} == set("01234")


def test_write_rows_updates_by_key(connected):
    rows = [{"id": number, "name": f"n{number}", "price": 1.5, "tags": ["a"], "gone": None} for number in range(3)]
    with E3DBHook() as hook:
        assert hook.write_rows("t", rows, ["id"])["created"] == 3
        rows[1]["name"] = "other"
        counts = hook.write_rows("t", iter([*rows, {"id": 3, "price": 2, "more": True}]), ["id"])
    assert {name: count for name, count in counts.items() if count} == {"created": 1, "updated": 1, "unchanged": 2}
    found = {record.data["id"]: record.data for record in connected.query_all(record_type="t")}
    assert found["1"] == {"id": "1", "name": "other", "price": "1.5", "tags": '["a"]'}
    assert found["3"] == {"id": "3", "price": "2", "more": "true"}


def test_later_batches_may_have_other_columns(connected, monkeypatch):
    monkeypatch.setattr("e3db_connectors.airflow.rows.BATCH", 2)
    rows = [{"id": 1, "a": 1}, {"id": 2, "a": None}, {"id": 3, "a": "text", "b": 2.5}]
    with E3DBHook() as hook:
        assert hook.write_rows("t", rows, ["id"])["created"] == 3
    found = {record.data["id"]: record.data for record in connected.query_all(record_type="t")}
    assert found == {"1": {"id": "1", "a": "1"}, "2": {"id": "2"}, "3": {"id": "3", "a": '"text"', "b": "2.5"}}


def test_a_batch_without_values_says_nothing_of_their_type(connected, monkeypatch):
    monkeypatch.setattr("e3db_connectors.airflow.rows.BATCH", 2)
    rows = [{"id": None}, {"id": None}, {"id": 1}, {"id": None}, {"id": None}, {"id": None}, {"id": 2}]
    with E3DBHook() as hook:
        counts = hook.write_rows("t", rows, ["id"], on_error="skip")
        assert (counts["created"], counts["failed"]) == (2, 5)
        with pytest.raises(errors.UsageError, match="which in `columns`"):
            hook.write_rows("t", [{"id": "a"}, *rows], ["id"], on_error="skip")
    assert sorted(record.data["id"] for record in connected.query_all(record_type="t")) == ["1", "2", "a"]


@pytest.mark.usefixtures("connected")
def test_a_value_of_no_json_type_is_named_and_not_shown():
    with pytest.raises(AirflowFailException, match=r"column a of t holds set") as raised, E3DBHook() as hook:
        hook.write_rows("t", [{"a": {"canary-value"}}])
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (errors.Unauthorized("GET", "/v1", 401), True),
        (errors.Forbidden("GET", "/v1", 403), True),
        (errors.InvalidRequest("GET", "/v1", 400), True),
        (errors.ConfigError("half a set"), True),
        (errors.DecryptionError("does not open"), True),
        (errors.UntrustedKey("not ours"), True),
        (errors.NotFound("GET", "/v1", 404), False),
        (errors.Unavailable("GET", "/v1", 503), False),
        (errors.TransportError("broken off"), False),
        (errors.OutcomeUnknown("who knows"), False),
        (errors.Conflict("PUT", "/v1", 409), False),
        (errors.AccessKeyMissing("not yet"), False),
        (KeyError("of the task"), False),
    ],
)
def test_what_another_try_cannot_mend_fails_at_once(error, final):
    with pytest.raises(AirflowFailException if final else type(error)) as raised, E3DBHook():
        raise error
    assert str(error) in str(raised.value)
