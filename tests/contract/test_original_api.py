"""A program written for the original Python SDK works with its import changed, and nothing else."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

import e3db_connectors as e3db
from e3db_connectors import Search
from e3db_connectors.types import NoteOptions


@pytest.fixture
def token(registration_token):
    return registration_token


@pytest.fixture
def api_url(server):
    return server.url


@pytest.fixture
def other(server):
    with server.register("other") as made:
        yield made


def test_register_with_backup_then_config_then_client(token, api_url):
    public_key, private_key = e3db.Client.generate_keypair()
    client_info = e3db.Client.register(token, "a name", public_key, private_key=private_key, backup=True, api_url=api_url)
    assert client_info.public_key == public_key
    assert client_info.name == "a name"
    config = e3db.Config(client_info.client_id, client_info.api_key_id, client_info.api_secret, public_key, private_key, api_url=api_url)
    assert config()["private_key"] == private_key
    client = e3db.Client(config())
    [backup] = client.query(record_type=["tozny.key_backup"])
    assert backup.meta.plain == {"client": client_info.client_id}
    assert backup.data["private_key"] == f'"{private_key.reveal()}"'
    client.close()


def test_register_without_backup_needs_no_private_key(token, api_url):
    public_key, private_key = e3db.Client.generate_keypair()
    client_info = e3db.Client.register(token, "a name", public_key, api_url=api_url)
    config = e3db.Config(client_info.client_id, client_info.api_key_id, client_info.api_secret, public_key, private_key, api_url=api_url)
    with e3db.Client(config) as client:
        assert client.client_info(client_info.client_id).client_id == client.client_id


def test_config_profiles(client):
    config = client.config
    config.write()
    config.write("work")
    assert e3db.Config.load() == e3db.Config.load("work") == config
    with pytest.raises(e3db.errors.ConfigError, match="exists already"):
        config.write("work")
    e3db.Client(e3db.Config.load()).close()


def test_records(client):
    record = client.write("contact", {"first_name": "Jon", "phone": "555"}, {"house": "Stark"})
    assert UUID(record.meta.record_id)
    assert (record.meta.record_type, record.meta.plain, record.data["first_name"]) == ("contact", {"house": "Stark"}, "Jon")
    record.data["first_name"] = "Aegon"
    updated = client.update(record)
    assert updated.meta.version != record.meta.version
    assert client.read(UUID(record.meta.record_id)).data["first_name"] == "Aegon"
    with pytest.raises(e3db.ConflictError):
        client.update(record)
    with pytest.raises(e3db.ConflictError):
        client.delete(record.meta.record_id, record.meta.version)
    client.delete(record.meta.record_id, updated.meta.version)
    with pytest.raises(e3db.APIError):
        client.read(record.meta.record_id)


def test_write_without_plain(client):
    assert client.write("contact", {"a": "1"}).meta.plain == {}


@pytest.fixture
def seasons(client):
    return [client.write("season", {"temp": word}, {"name": word, "weather": "sunny"}) for word in ("summer", "spring")]


def names(results):
    return [record.data["temp"] for record in results]


def test_search_in_the_older_spelling(client, seasons):
    summer = seasons[0].meta
    query = Search(include_data=True, include_all_writers=False, count=50, next_token=0)
    query = query.Match(
        condition="AND",
        strategy="EXACT",
        record_type=["season"],
        writer=[client.client_id],
        record=[summer.record_id],
        user=[client.client_id],
        keys=["name"],
        values=["summer"],
        plain={"name": "summer"},
    )
    results = client.Search(query)
    assert (names(results), len(results), results.total_results, results.next_token) == (["summer"], 1, 1, 0)
    excluded = Search(include_data=True).Match(record_type=["season"]).Exclude(values=["summer"])
    assert names(client.Search(excluded)) == ["spring"]


def test_search_in_the_newer_spelling(client, seasons):
    query = Search(include_data=True).match(condition="AND", record_types=["season"], values=["summer", "sunny"])
    assert names(client.search(query)) == ["summer"]
    query = Search(include_data=True).match(records=[record.meta.record_id for record in seasons], users=[], writers=[])
    assert names(client.search(query.exclude(records=[seasons[0].meta.record_id]))) == ["spring"]
    assert client.search(query).search_id is not None


def test_search_without_data(client, seasons):
    assert len(seasons) == len(client.search(Search().match()))


def test_paging(client, seasons):
    query = Search(count=1).match(record_types=["season"])
    results = client.search(query)
    found = list(results.records)
    assert results.total_results == len(seasons)
    while results.next_token:
        query.next_token = results.next_token
        results = client.search(query)
        found += results
    assert [record.meta.record_id for record in found] == [record.meta.record_id for record in seasons]


@pytest.mark.parametrize("spelling", ["range", "Range"])
def test_ranges(spelling, client, seasons):
    def found(**bounds):
        return len(client.search(getattr(Search().match(), spelling)(**bounds)))

    everything, now, utc = len(seasons), int(time.time()), datetime.now(UTC).replace(tzinfo=None)
    hour = timedelta(hours=1)
    assert found(start=now - 3600, end=now + 3600) == found(start=now - 3600) == found(end=now + 3600) == everything
    assert found(start=now + 3600) == found(end=now - 3600) == found(start=now + 60, end=now - 60) == 0
    assert found(key="MODIFIED", start=datetime.now(UTC) - hour, end=datetime.now(UTC) + hour) == everything
    assert found(key="CREATED", start=utc - hour, end=utc + hour) == everything
    pacific = utc - timedelta(hours=8)
    for zone in ({"zone": "PST"}, {"zone_offset": "-08:00"}, {"zone_offset": -8}, {"zone": "EST", "zone_offset": "-08:00"}):
        assert found(start=pacific - hour, end=pacific + hour, **zone) == everything
        assert found(start=utc - hour, end=utc + hour, **zone) == 0
    aware = datetime.now(UTC).astimezone()
    assert found(start=aware - hour, end=aware + hour, zone="PST") == everything


@pytest.mark.parametrize("zone", ["CET", "GMT", "PDT"])
def test_other_zones_are_no_zones(zone):
    with pytest.raises(e3db.errors.InvalidTime):
        Search().Range(start=datetime(2026, 1, 1), zone=zone)


def test_query(client, seasons):
    results = client.query(data=True, writer=[client.client_id], record=[], record_type=["season"], plain={}, page_size=1, last_index=0)
    assert names(results) == ["summer"]
    rest = client.query(record_type=["season"], page_size=100, last_index=results.after_index)
    assert names(rest) == ["spring"]
    spring = client.query(record=[seasons[1].meta.record_id], data=False)
    assert [record.data for record in spring] == [{}]
    assert names(client.query(plain={"eq": {"name": "name", "value": "spring"}})) == ["spring"]
    assert names(client.query(writer="all")) == ["summer", "spring"]
    with pytest.raises(e3db.QueryError):
        client.query(last_index=-99)


def test_sharing(client, other, seasons):
    client.share("season", other.client_id)
    assert names(other.query(writer="all")) == names(other.query(writer=[client.client_id])) == ["summer", "spring"]
    assert [(share.reader_id, share.record_type) for share in client.outgoing_sharing()] == [(other.client_id, "season")]
    assert [(share.writer_id, share.writer_name, share.record_type) for share in other.incoming_sharing()] == [
        (client.client_id, "tester", "season")
    ]
    client.revoke("season", UUID(other.client_id))
    assert other.incoming_sharing() == []
    with pytest.raises(e3db.APIError):
        other.read(seasons[0].meta.record_id)


def test_authorizers(client, other, server, seasons):
    with server.register("third") as third:
        client.add_authorizer("season", other.client_id)
        [policy] = client.get_authorizers()
        assert (policy.authorizer_id, policy.record_type) == (other.client_id, "season")
        assert [policy.writer_id for policy in other.get_authorized_by()] == [client.client_id]
        other.share_on_behalf_of(client.client_id, third.client_id, "season")
        assert third.read(seasons[0].meta.record_id).data == {"temp": "summer"}
        other.revoke_on_behalf_of(client.client_id, third.client_id, "season")
        client.remove_authorizer("season", other.client_id)
        with pytest.raises(e3db.errors.E3DBError):
            other.share_on_behalf_of(client.client_id, third.client_id, "season")


def test_client_info(client):
    assert client.client_info(client.client_id).validated is True
    with pytest.raises(e3db.LookupError):
        client.client_info("doesnt exist")


def test_files(client, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"content" * 50_000)
    record = client.write_file("scan", str(source), {"k": "v"})
    [found] = client.search(Search(include_data=True).match(record_types=["scan"]))
    assert found.meta.record_id == record.meta.record_id
    assert found.meta.plain == {"k": "v"}
    assert found.data == {}
    file_meta = client.read_file(record.meta.record_id, str(target))
    assert target.read_bytes() == source.read_bytes()
    assert found.meta.file_meta.checksum == record.meta.file_meta.checksum == file_meta.checksum


def test_notes(client, other):
    note_options = NoteOptions(
        note_writer_client_id=client.client_id,
        max_views=-1,
        id_string=f"globally-unique-note-name-{uuid4()}",
        expiration=datetime.now(UTC) + timedelta(days=1),
        expires=True,
        type="greeting",
        plain={"p": "1"},
        file_meta={},
    )
    data = {"lyrics": "What a wonderful world"}
    written = client.write_note(data, other.encryption_keys.public_key, other.signing_keys.public_key, note_options)
    assert other.read_note(written.note_id).data["lyrics"] == "What a wonderful world"
    by_name = other.read_note_by_name(note_options.id_string)
    assert (by_name.data, by_name.plain, by_name.type) == (data, {"p": "1"}, "greeting")
    with pytest.raises(e3db.APIError):
        client.read_note(written.note_id)
    with pytest.raises(e3db.ConflictError):
        client.write_note(data, other.encryption_keys.public_key, other.signing_keys.public_key, note_options)


def test_anonymous_notes(client, api_url):
    keys = e3db.types.EncryptionKeyPair(*e3db.Client.generate_keypair())
    signing = e3db.types.SigningKeyPair(*e3db.Client.generate_signing_keypair())
    own, own_signing = client.encryption_keys, client.signing_keys
    data = {"a": "1"}
    unnamed = e3db.Client.write_anonymous_note(
        data, own.public_key, own_signing.public_key, keys, signing, NoteOptions(id_string="lost"), api_url=api_url
    )
    assert unnamed.id_string == ""
    assert client.read_note(unnamed.note_id).data == data
    named = client.write_note(data, keys.public_key, signing.public_key, NoteOptions(id_string=str(uuid4())))
    read = (keys.private_key, signing.private_key)
    assert e3db.Client.read_anonymous_note_by_id(named.note_id, *read, api_url=api_url).data == data
    assert e3db.Client.read_anonymous_note_by_name(named.id_string, *read, api_url=api_url).data == data


def test_notes_without_a_server(client):
    keys, signing = client.encryption_keys, client.signing_keys
    note = e3db.Client.create_encrypted_note({"a": "1"}, keys.public_key, signing.public_key, keys, signing, NoteOptions())
    assert note.data["a"] != "1"
    assert e3db.Client.decrypt_note(note, keys.private_key).data == {"a": "1"}
    with pytest.raises(e3db.exceptions.NoteValidationError):
        e3db.Client.verify_field("a", "1", signing.public_key)
    other = e3db.Client.generate_keypair()
    with pytest.raises(e3db.CryptoError):
        e3db.Client.decrypt_note(note, other.private)


def test_types_and_errors_have_their_names():
    for name in ("Search", "Params", "Range", "Record", "Meta", "File", "Note", "NoteOptions", "EncryptionKeyPair", "ClientDetails"):
        assert isinstance(getattr(e3db.types, name), type)
    for name in ("APIError", "QueryError", "LookupError", "ConflictError", "CryptoError"):
        assert issubclass(getattr(e3db, name), e3db.errors.E3DBError)
        assert getattr(e3db.exceptions, name) is getattr(e3db, name)
    assert issubclass(e3db.ConflictError, e3db.APIError)
    assert issubclass(e3db.LookupError, e3db.APIError)
