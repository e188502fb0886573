"""What one program writes the other reads: the same checks for each original SDK, through our server."""

import pytest

from e3db_connectors import Search, errors
from e3db_connectors.wire.queries import eq

pytestmark = pytest.mark.parametrize("sdk", ["python", "js"])

DATA = {"name": "Zoë", "empty": "", "long": "x" * 100_000, "text": 'two\nlines, "quoted" \\ 🗝', "a field": "an odd name"}
PLAIN = {"city": "Porto", "straße": "ja & nein"}
TYPES = ["contact", "two words", "it's", "naïve 🗝", "a.b_c-d"]  # neither SDK encodes a type in a path: no /, ?, #, %


def _contents(records):
    return {record["record_id"]: (record["data"], record["plain"], record["version"]) for record in records}


def _ours(records):
    return {record.meta.record_id: (record.data, record.meta.plain, record.meta.version) for record in records}


@pytest.mark.parametrize("record_type", TYPES)
def test_they_read_what_we_write(client, theirs, record_type):
    written = client.write(record_type, DATA, PLAIN)
    assert theirs.read(record_id=written.meta.record_id) == {
        "record_id": written.meta.record_id,
        "version": written.meta.version,
        "writer_id": client.client_id,
        "type": record_type,
        "plain": PLAIN,
        "data": DATA,
    }


@pytest.mark.parametrize("record_type", TYPES)
def test_we_read_what_they_write(client, theirs, record_type):
    written = theirs.write(record_type=record_type, data=DATA, plain=PLAIN)
    record = client.read(written["record_id"])
    assert (record.data, record.meta.plain, record.meta.record_type, record.meta.version) == (DATA, PLAIN, record_type, written["version"])


def test_a_record_without_plain(client, theirs):
    written = theirs.write(record_type="bare", data={"a": "1"})
    assert client.read(written["record_id"]).meta.plain == {}
    assert theirs.read(record_id=client.write("bare", {"a": "1"}).meta.record_id)["plain"] == {}


def test_they_update_what_we_wrote(client, theirs):
    written = client.write("contact", DATA, PLAIN)
    theirs.update(record_id=written.meta.record_id, data={"name": "changed"}, plain={"city": "Braga"})
    record = client.read(written.meta.record_id)
    assert (record.data, record.meta.plain, record.meta.created) == ({"name": "changed"}, {"city": "Braga"}, written.meta.created)
    assert record.meta.version != written.meta.version
    with pytest.raises(errors.Conflict):
        client.update(written)


def test_we_update_what_they_wrote(client, theirs, original_failed):
    written = theirs.write(record_type="contact", data=DATA, plain=PLAIN)
    record = client.read(written["record_id"])
    record.data["name"] = "changed"
    client.update(record)
    assert theirs.read(record_id=written["record_id"])["data"] == {**DATA, "name": "changed"}
    with pytest.raises(original_failed, match="Conflict"):
        theirs.delete(**written)


def test_each_deletes_what_the_other_wrote(client, theirs, original_failed):
    written = theirs.write(record_type="contact", data={"a": "1"})
    client.delete(written["record_id"], written["version"])
    with pytest.raises(original_failed):
        theirs.read(record_id=written["record_id"])
    record = client.write("contact", {"a": "1"})
    theirs.delete(record_id=record.meta.record_id, version=record.meta.version)
    with pytest.raises(errors.NotFound):
        client.read(record.meta.record_id)


@pytest.fixture
def mixed(client, theirs):
    """Records of one type, half of them theirs; the ids of those in Porto."""
    porto = set()
    for number in range(6):
        data, plain = {"number": str(number)}, {"city": ["Porto", "Braga"][number % 2], "n": str(number)}
        if number < 3:
            record_id = theirs.write(record_type="mixed", data=data, plain=plain)["record_id"]
        else:
            record_id = client.write("mixed", data, plain).meta.record_id
        if plain["city"] == "Porto":
            porto.add(record_id)
    client.write("another type", {"number": "7"}, {"city": "Porto"})
    return porto


def test_both_query_the_same(client, theirs, mixed):
    ours = _ours(client.query_all(record_type="mixed"))
    assert len(ours) == 6
    assert _contents(theirs.query(record_type="mixed", page_size=4)) == ours
    by_plain = _ours(client.query_all(record_type="mixed", plain=eq("city", "Porto")))
    assert by_plain.keys() == mixed
    assert _contents(theirs.query(record_type="mixed", plain=eq("city", "Porto"))) == by_plain


@pytest.mark.parametrize(
    ("match", "exclude", "count"),
    [
        ({"record_types": ["mixed"]}, None, 6),
        ({"record_types": ["mixed"], "values": ["Porto"], "condition": "AND"}, None, 3),
        ({"record_types": ["mixed"], "plain": {"city": "Porto"}, "condition": "AND"}, None, 3),
        ({"keys": ["n"]}, {"values": ["0", "1"]}, 4),
        ({"record_types": ["mixed", "another type"]}, None, 7),
        ({"record_types": ["no such type"]}, None, 0),
    ],
    ids=["type", "type-and-value", "type-and-pair", "key-without-values", "two-types", "nothing"],
)
@pytest.mark.usefixtures("mixed")
def test_both_search_the_same(client, theirs, match, exclude, count):
    search = Search(include_data=True).match(**match)
    if exclude:
        search.exclude(**exclude)
    ours = _ours(client.search(search))
    assert len(ours) == count
    for page_size in (50, 2):
        found = theirs.search(match=match, exclude=exclude, count=page_size)
        assert _contents(found["records"]) == ours
        assert len(found["records"]) == count


def test_we_share_and_they_read_until_we_revoke(client, other, their_other, original_failed):
    record_id = client.write("shared", DATA, PLAIN).meta.record_id
    with pytest.raises(original_failed):
        their_other.read(record_id=record_id)
    client.share("shared", other.client_id)
    assert their_other.read(record_id=record_id)["data"] == DATA
    assert their_other.incoming() == [[client.client_id, "tester", "shared"]]
    found = their_other.search(match={"writers": [client.client_id]}, everybody=True)
    assert [record["data"] for record in found["records"]] == [DATA]
    client.revoke("shared", other.client_id)
    with pytest.raises(original_failed):
        their_other.read(record_id=record_id)
    assert their_other.incoming() == []


def test_they_share_and_we_read_until_they_revoke(client, other, theirs):
    record_id = theirs.write(record_type="shared", data=DATA)["record_id"]
    for _ in range(2):  # a share after a revoke works as the first one did
        theirs.share(record_type="shared", reader_id=other.client_id)
        assert other.read(record_id).data == DATA
        assert theirs.outgoing() == [[other.client_id, "other", "shared"]]
        assert [share.writer_id for share in other.incoming_sharing()] == [client.client_id]
        theirs.revoke(record_type="shared", reader_id=other.client_id)
        with pytest.raises(errors.NotFound):
            other.read(record_id)


def test_each_takes_back_what_the_other_program_shared(client, other, theirs):
    record_id = client.write("shared", DATA).meta.record_id
    client.share("shared", other.client_id)
    theirs.revoke(record_type="shared", reader_id=other.client_id)
    with pytest.raises(errors.NotFound):
        other.read(record_id)
    theirs.share(record_type="shared", reader_id=other.client_id)
    client.revoke("shared", other.client_id)
    with pytest.raises(errors.NotFound):
        other.read(record_id)


def test_they_share_before_there_is_a_record(client, other, theirs):
    theirs.share(record_type="later", reader_id=other.client_id)
    assert other.read(client.write("later", DATA).meta.record_id).data == DATA


def test_they_authorize_and_we_share_on(server, client, other, theirs):
    record_id = theirs.write(record_type="entrusted", data=DATA)["record_id"]
    theirs.add_authorizer(record_type="entrusted", authorizer_id=other.client_id)
    assert theirs.authorizers() == [[other.client_id, client.client_id, "entrusted"]]
    with server.register("third") as third:
        other.share_on_behalf_of(client.client_id, third.client_id, "entrusted")
        assert third.read(record_id).data == DATA
        other.revoke_on_behalf_of(client.client_id, third.client_id, "entrusted")
        with pytest.raises(errors.NotFound):
            third.read(record_id)
        theirs.remove_authorizer(record_type="entrusted", authorizer_id=other.client_id)
        assert other.get_authorized_by() == []
        with server.register("fourth") as fourth, pytest.raises(errors.AccessKeyMissing):
            _anew(other).share_on_behalf_of(client.client_id, fourth.client_id, "entrusted")


def test_we_authorize_and_they_share_on(server, client, other, their_other, original, sdk, original_failed):
    record_id = client.write("entrusted", DATA).meta.record_id
    client.add_authorizer("entrusted", other.client_id)
    assert their_other.authorized_by() == [[other.client_id, client.client_id, "entrusted"]]
    with pytest.raises(original_failed):
        their_other.read(record_id=record_id)
    with server.register("third") as third:
        policy = {"writer_id": client.client_id, "record_type": "entrusted", "reader_id": third.client_id}
        their_other.share_on_behalf_of(**policy)
        assert third.read(record_id).data == DATA
        assert original(sdk, third.config).read(record_id=record_id)["data"] == DATA
        their_other.revoke_on_behalf_of(**policy)
        with pytest.raises(errors.NotFound):
            third.read(record_id)
        client.remove_authorizer("entrusted", other.client_id)
        with pytest.raises(original_failed):
            original(sdk, other.config).share_on_behalf_of(**policy)


def _anew(client):
    """The same client without the keys that it has read so far."""
    return type(client)(client.config)
