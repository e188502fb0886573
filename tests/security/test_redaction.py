"""Secrets do not show: not in texts, not in pickles, and not in tracebacks that list local variables."""

import copy
import pickle
import traceback

import pytest

from e3db_connectors import Client, Config, Record, Search
from e3db_connectors.crypto import access_keys, encoding, fields, signatures
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.redacted import SecretBytes, SecretText
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError, E3DBError, OutcomeUnknown
from e3db_connectors.wire.notes import Note
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.records import FileMeta

SUITES = pytest.mark.parametrize("suite", [SodiumSuite(), NistSuite()], ids=["sodium", "nist"])


@pytest.mark.parametrize("secret", [SecretText("the-secret"), SecretBytes(b"the-secret")], ids=["text", "bytes"])
def test_a_secret_reads_stars_wherever_it_is_shown(secret):
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", "%s" % secret, repr([secret]), repr({"key": secret})):  # noqa: UP031
        assert "the-secret" not in shown
        assert "***" in shown
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            spread(secret)


def test_a_secret_is_a_text_like_any_other_to_what_works_on_it():
    secret = SecretText(SecretText("abc"))
    assert secret == "abc"
    assert secret.encode() == b"abc"
    assert {secret: 1}["abc"] == 1
    assert type(secret.reveal()) is str
    assert secret.reveal() == "abc"


@pytest.fixture
def config(server, registration_token):
    return Client.register(registration_token, "secretive", api_url=server.url).config


def secrets_of(config):
    values = [config.private_key, config.private_signing_key, config.api_secret]
    return [value.reveal() for value in values] + [repr(encoding.decode(value))[2:-1] for value in values[:2]]


def shown(exc):
    """The error as the most talkative of loggers would write it, but for the frames of this test, which knows the secrets."""
    assert exc.__suppress_context__ or exc.__context__ is None
    exc.__context__ = None  # the standard library fails at the locals of half-made objects there
    trace = traceback.TracebackException.from_exception(exc, capture_locals=True)
    trace.stack = traceback.StackSummary.from_list(frame for frame in trace.stack if frame.filename != __file__)
    return "".join(trace.format()) + repr(exc) + str(exc)


def test_credentials_do_not_show(config, server, registration_token):
    details = Client.register(registration_token, "other", api_url=server.url)
    with Client(config) as client:
        texts = [repr(config), str(config), f"{config}", repr(client), repr(details), str(details), repr(client.encryption_keys)]
        texts += [repr(config.private_key), f"{config.api_secret}", repr(vars(client)), repr(client._api.__dict__)]
    for secret in [*secrets_of(config), *secrets_of(details.config)]:
        assert not any(secret in text for text in texts)


@pytest.mark.parametrize("thing", ["config", "client", "details", "keys"])
def test_what_holds_keys_is_not_pickled(thing, config, server, registration_token):
    with Client(config) as client:
        things = {
            "config": config,
            "client": client,
            "details": Client.register(registration_token, "x", api_url=server.url),
            "keys": Client.generate_keypair(),
        }
        for spread in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError):
                spread(things[thing])


def changed(config, **values):
    return Config.from_mapping({**config(), **values})


def spoil_a_field(client):
    client.write("t", {"a": "1"})
    [result] = next(client.query_pages(QueryRequest(content_types=["t"], include_data=True)))
    client.open(type(result)(result.meta, {"a": "A" + result.record_data["a"][1:]}, result.access_key))


def update_twice(client):
    record = client.write("t", {"a": "1"})
    client.update(record)
    client.update(record)


def lose_a_reply(client):
    def unanswered(call, *_credentials):
        raise OutcomeUnknown(f"{call.shown}: timed out")

    client._transport.send = unanswered
    client.write("t", {"a": "1"})


FAILURES = {
    "no uuid": lambda client: changed(client.config, client_id="nobody"),
    "no key id": lambda client: changed(client.config, api_key_id=None),
    "another version": lambda client: changed(client.config, version="3"),
    "wrong secret": lambda client: Client(changed(client.config, api_secret=client.config.api_secret.reveal()[:-1])).read("x"),
    "foreign key": lambda client: Client(changed(client.config, public_key=Client.generate_keypair().public)),
    "foreign signing key": lambda client: Client(changed(client.config, public_signing_key=Client.generate_signing_keypair().public)),
    "short key": lambda client: Client(changed(client.config, private_key=client.config.private_key.reveal()[:-2])),
    "unknown record": lambda client: client.read("00000000-0000-4000-8000-000000000000"),
    "no text": lambda client: client.write("t", {"a": 1}),
    "conflict": update_twice,
    "spoilt field": spoil_a_field,
    "lost reply": lose_a_reply,
}
"""What fails in a client's own code while it holds its keys."""


@pytest.mark.parametrize("name", FAILURES)
def test_tracebacks_with_locals_show_no_keys(name, config):
    with Client(config) as client, pytest.raises(E3DBError) as failed:
        FAILURES[name](client)
    text = shown(failed.value)
    for secret in secrets_of(config):
        assert secret not in text
        assert secret[:-2] not in text


@SUITES
def test_access_keys_do_not_show_in_tracebacks(suite):
    keys, key = suite.generate_keypair(), access_keys.generate_access_key()
    eak = access_keys.seal_access_key(suite, key, keys.public, keys.private)
    opened = access_keys.open_access_key(suite, eak, keys.public, keys.private)
    assert opened == key
    quad = fields.seal_field(suite, opened, "the-value")
    spoilt = quad[:-1] + ("A" if quad[-1] != "A" else "B")
    for broken in (spoilt, "x" + quad, quad + ".x", quad[:-4]):
        with pytest.raises(E3DBError) as failed:
            fields.open_field(suite, opened, broken)
        text = shown(failed.value)
        assert "the-value" not in text
        assert repr(bytes(key))[2:-1] not in text
        assert encoding.encode(key) not in text


def test_signing_keys_do_not_show_in_tracebacks():
    keys = signatures.generate_signing_keypair()
    with pytest.raises(E3DBError) as failed:
        signatures.sign(b"text", SecretText(keys.private.reveal()[:-4]))
    assert keys.private.reveal()[:40] not in shown(failed.value)


def test_clear_text_does_not_show_in_reprs(client):
    written = client.write("t", {"name": "the-value"})
    page, query = client.search(Search(include_data=True)), client.query(record_type="t")
    note = Note("r", "w", "e", "k", "s", data={"name": "the-value"})
    assert "the-value" not in "".join(map(repr, (written, page, query, note, Record(written.meta, {"name": "the-value"}))))
    assert page.records == query.records == [written]


def test_a_profile_with_keys_of_two_clients_is_refused(config):
    with pytest.raises(ConfigError, match="do not belong together") as failed:
        Client(Config.from_mapping({**config(), "private_key": Client.generate_keypair().private.reveal()}))
    assert config.private_key.reveal() not in shown(failed.value)


def test_pretty_printers_are_told_no_more_than_repr(client):
    record = client.write("t", {"name": "the-value"})
    for thing in (record, Note("r", "w", "e", "k", "s", data={"name": "the-value"}), FileMeta(file_url="the-value")):
        assert "the-value" not in repr(thing) + repr(thing.__rich_repr__())


def test_the_logs_of_the_http_library_do_not_show_where_files_and_backups_go(config, tmp_path, caplog, registration_token):
    (tmp_path / "source").write_bytes(b"x")
    with caplog.at_level("DEBUG"), Client(config) as client:
        record = client.write_file("t", tmp_path / "source")
        assert client.read_file(record.meta.record_id, tmp_path / "target").file_url == record.meta.file_meta.file_url == ""
        made = Client.register(registration_token, "x", api_url=config.api_url, backup=True)
    assert "(path)" in caplog.text
    assert registration_token not in caplog.text
    assert "/files/" not in caplog.text.replace("/v1/storage/files/", "")
    assert made.client_id


@pytest.mark.parametrize("broken", ['{"private_key": "the-secret",,}', '["the-secret"]'])
def test_a_malformed_credentials_file_does_not_show(broken, tmp_path):
    (tmp_path / "e3db.json").write_text(broken)
    with pytest.raises(ConfigError) as failed:
        Config.from_file(tmp_path / "e3db.json")
    assert "the-secret" not in shown(failed.value)


def test_a_half_set_environment_does_not_show(monkeypatch):
    monkeypatch.setenv("E3DB_PRIVATE_KEY", "the-secret")
    with pytest.raises(ConfigError) as failed:
        Client()
    assert "the-secret" not in shown(failed.value)
