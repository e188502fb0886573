"""What only the original JavaScript SDK does: signatures over records, and reading some fields of a record."""

import pytest

from e3db_connectors import Client, errors

# Names in alphabetical order: the SDK signs members as they stand but sends them sorted, so that nobody can verify another order.
DATA = {"alpha": "Zoë 🗝", "empty": "", "text": 'two\nlines, "quoted" \\ </b>'}
PLAIN = {"city": "Porto & Braga", "yes": "ja"}


@pytest.fixture
def sdk():
    return "js"


@pytest.mark.parametrize("plain", [{}, PLAIN], ids=["bare", "plain"])
def test_their_signatures_are_verified_by_us(client, other, theirs, plain):
    record_id = theirs.write(record_type="signed", data=DATA, plain=plain)["record_id"]
    client.share("signed", other.client_id)
    for reader in (client, other):
        record = reader.read(record_id)
        assert record.rec_sig
        reader.verify(record)
        record.data["alpha"] = "forged"
        with pytest.raises(errors.SignatureInvalid):
            reader.verify(record)


def test_their_signatures_follow_an_update(client, theirs):
    record_id = theirs.write(record_type="signed", data=DATA)["record_id"]
    theirs.update(record_id=record_id, data={"a": "1", "b": "2"}, plain=PLAIN)
    client.verify(client.read(record_id))


def test_their_signatures_of_files_are_verified_by_us(client, theirs, tmp_path):
    source = tmp_path / "clear"
    source.write_bytes(b"clear")
    record_id = theirs.write_file(record_type="scan", path=str(source), plain=PLAIN)["record_id"]
    client.verify(client.read(record_id))


def test_our_signatures_are_verified_by_them(client, other, theirs):
    with Client(client.config, sign_records=True) as signing:
        record_id = signing.write("signed", DATA, PLAIN).meta.record_id
        assert theirs.verifies(record_id=record_id, signing_key=client.config.public_signing_key)
        assert not theirs.verifies(record_id=record_id, signing_key=other.config.public_signing_key)
        signing.update(signing.read(record_id))
        assert theirs.verifies(record_id=record_id, signing_key=client.config.public_signing_key)


def test_records_of_ours_with_and_without_signature_are_read(client, theirs):
    with Client(client.config, sign_records=True) as signing:
        for writer in (client, signing):
            record = writer.write("signed", DATA, PLAIN)
            assert bool(record.rec_sig) == (writer is signing)
            assert theirs.read(record_id=record.meta.record_id)["data"] == DATA
            assert theirs.update(record_id=record.meta.record_id, data={"a": "1"})["data"] == {"a": "1"}


def test_they_read_some_of_the_fields(client, theirs):
    record_id = client.write("contact", DATA).meta.record_id
    some = {"alpha": DATA["alpha"], "empty": ""}
    assert theirs.read(record_id=record_id, fields=list(some))["data"] == some
