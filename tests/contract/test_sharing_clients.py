"""Sharing, authorizers and revoking, between clients of a real server, in both cipher suites."""

import pytest

from e3db_connectors import Client, Search, errors
from e3db_connectors.crypto.sodium import SodiumSuite

TYPES = ["contact", "with space/slash", "日本"]


@pytest.fixture(params=["sodium", "nist"])
def people(request, server, registration_token):
    """A writer, a reader and a third client of one suite."""
    made = [
        Client(Client.register(registration_token, name, api_url=server.url, crypto_suite=request.param).config)
        for name in ("writer", "reader", "third")
    ]
    yield made
    for client in made:
        client.close()


def found(client, record_type, *, all_writers=True):
    search = Search(include_data=True, include_all_writers=all_writers).match(record_types=[record_type])
    return [record.data for record in client.search(search)]


def queried(client, record_type, **options):
    return [record.data for record in client.query_all(record_type=record_type, **options)]


@pytest.mark.parametrize("record_type", TYPES)
def test_what_is_shared_is_read_and_found_and_nothing_else(record_type, people):
    writer, reader, third = people
    writer.share(record_type, reader.client_id)
    record = writer.write(record_type, {"a": "x"})
    writer.write("other", {"a": "secret"})
    assert reader.read(record.meta.record_id).data == {"a": "x"}
    assert found(reader, record_type) == queried(reader, record_type, writer="all") == [{"a": "x"}]
    assert queried(reader, record_type, writer=writer.client_id) == [{"a": "x"}]
    assert found(reader, record_type, all_writers=False) == queried(reader, record_type) == []
    assert found(reader, "other") == []
    for stranger in (third,):
        assert found(stranger, record_type) == queried(stranger, record_type, writer=writer.client_id) == []
        with pytest.raises(errors.NotFound):
            stranger.read(record.meta.record_id)


def test_a_reader_may_not_write_change_delete_or_share_on(people):
    writer, reader, third = people
    writer.share("t", reader.client_id)
    record = writer.write("t", {"a": "x"})
    with pytest.raises(errors.Forbidden):
        reader.delete(record.meta.record_id, record.meta.version)
    with pytest.raises(errors.Forbidden):
        reader.share_on_behalf_of(writer.client_id, third.client_id, "t")
    assert found(third, "t") == []


def test_a_revoke_hides_everything_at_once_and_sharing_again_works(people):
    writer, reader, _ = people
    writer.share("t", reader.client_id)
    record = writer.write("t", {"a": "x"})
    assert reader.read(record.meta.record_id).data == {"a": "x"}
    writer.revoke("t", reader.client_id)
    assert found(reader, "t") == []
    with pytest.raises(errors.NotFound):
        reader.read(record.meta.record_id)
    writer.revoke("t", reader.client_id)
    writer.share("t", reader.client_id)
    writer.share("t", reader.client_id)
    assert found(reader, "t") == [{"a": "x"}]


def test_the_lists_show_what_is_shared_now(people):
    writer, reader, third = people
    writer.share("t", reader.client_id)
    writer.add_authorizer("u", third.client_id)
    [outgoing], [incoming] = writer.outgoing_sharing(), reader.incoming_sharing()
    assert (outgoing.reader_id, outgoing.reader_name, outgoing.record_type) == (reader.client_id, "reader", "t")
    assert (incoming.writer_id, incoming.writer_name, incoming.record_type) == (writer.client_id, "writer", "t")
    [proxy], [granted] = writer.get_authorizers(), third.get_authorized_by()
    assert proxy == granted
    assert (proxy.authorizer_id, proxy.writer_id, proxy.user_id, proxy.record_type, proxy.authorized_by) == (
        third.client_id,
        writer.client_id,
        writer.client_id,
        "u",
        writer.client_id,
    )
    writer.revoke("t", reader.client_id)
    writer.remove_authorizer("u", third.client_id)
    assert writer.outgoing_sharing() == reader.incoming_sharing() == writer.get_authorizers() == third.get_authorized_by() == []


def test_a_grant_keeps_its_time_until_it_is_given_anew(people):
    writer, reader, _ = people
    writer.share("t", reader.client_id)
    [first] = reader.incoming_sharing()
    writer.share("t", reader.client_id)
    assert reader.incoming_sharing() == [first]
    writer.revoke("t", reader.client_id)
    writer.share("t", reader.client_id)
    assert reader.incoming_sharing()[0].granted > first.granted


def test_an_authorizer_shares_on_but_does_not_read(people):
    writer, authorizer, reader = people
    writer.add_authorizer("t", authorizer.client_id)
    record = writer.write("t", {"a": "x"})
    with pytest.raises(errors.NotFound):
        authorizer.read(record.meta.record_id)
    authorizer.share_on_behalf_of(writer.client_id, reader.client_id, "t")
    assert reader.read(record.meta.record_id).data == {"a": "x"}
    assert writer.outgoing_sharing()[0].reader_id == reader.client_id
    authorizer.revoke_on_behalf_of(writer.client_id, reader.client_id, "t")
    assert found(reader, "t") == []


def test_a_removed_authorizer_shares_no_more_and_what_it_shared_stays(people):
    writer, authorizer, reader = people
    writer.add_authorizer("t", authorizer.client_id)
    writer.write("t", {"a": "x"})
    authorizer.share_on_behalf_of(writer.client_id, reader.client_id, "t")
    writer.remove_authorizer("t", authorizer.client_id)
    with pytest.raises(errors.AccessKeyMissing):
        authorizer.share_on_behalf_of(writer.client_id, reader.client_id, "t")
    assert found(reader, "t") == [{"a": "x"}]


def test_sharing_with_oneself_does_nothing(people):
    writer, *_ = people
    writer.share("t", writer.client_id)
    writer.revoke("t", writer.client_id)
    assert writer.outgoing_sharing() == []
    assert writer.write("t", {"a": "x"}).data == {"a": "x"}


def test_sharing_with_nobody_is_an_error(people):
    with pytest.raises(errors.NotFound):
        people[0].share("t", "11111111-1111-4111-8111-111111111111")


def test_a_readers_key_can_be_pinned(people):
    writer, reader, third = people
    with pytest.raises(errors.UntrustedKey, match="nothing was shared"):
        writer.share("t", reader.client_id, reader_public_key=third.config.public_key)
    assert writer.outgoing_sharing() == []
    writer.share("t", reader.client_id, reader_public_key=reader.config.public_key)
    assert reader.incoming_sharing()


def test_authorizers_can_be_pinned(people):
    writer, authorizer, reader = people
    writer.add_authorizer("t", authorizer.client_id)
    record = writer.write("t", {"a": "x"})
    authorizer.share_on_behalf_of(writer.client_id, reader.client_id, "t")
    with Client(reader.config, trusted_authorizers=[writer.config.public_key]) as wary, pytest.raises(errors.UntrustedKey):
        wary.read(record.meta.record_id)
    with Client(reader.config, trusted_authorizers=[authorizer.config.public_key]) as trusting:
        assert trusting.read(record.meta.record_id).data == {"a": "x"}


def test_clients_of_two_suites_cannot_share(client, server, registration_token):
    with Client(Client.register(registration_token, "nist", api_url=server.url, crypto_suite="nist").config) as modern:
        with pytest.raises(errors.UsageError, match="another cipher suite"):
            modern.share("t", client.client_id)
        assert modern.config.crypto_suite == "nist"
        assert SodiumSuite.key_map_name not in modern.client_info(modern.client_id).public_key


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"allow": [{"read": {}}]}, 201),
        ({"allow": [{"read": {}}, {"authorizer": {}}]}, 201),
        ({"deny": [{"read": {}}]}, 201),
        ({}, 400),
        ({"allow": [{"fly": {}}]}, 400),
        ({"allow": "read"}, 400),
    ],
)
def test_policies_take_what_the_protocol_names(body, status, client, stranger, call_as):
    path = f"/v1/storage/policy/{client.client_id}/{client.client_id}/{stranger.client_id}/t"
    answer = call_as(client)("PUT", path, json=body)
    assert answer.status_code == status
    assert ("error" in answer.json()) == (status == 400)


def test_only_the_writer_changes_policies(client, stranger, call_as):
    path = f"/v1/storage/policy/{client.client_id}/{client.client_id}/{stranger.client_id}/t"
    assert call_as(stranger)("PUT", path, json={"allow": [{"read": {}}]}).status_code == 403


def test_an_authorizer_cannot_appoint_others(client, stranger, call_as):
    client.add_authorizer("t", stranger.client_id)
    path = f"/v1/storage/policy/{client.client_id}/{client.client_id}/{stranger.client_id}/t"
    assert call_as(stranger)("PUT", path, json={"allow": [{"authorizer": {}}]}).status_code == 403


def test_an_authorizer_is_removed_for_all_types_at_once(client, stranger, call_as):
    client.add_authorizer("t", stranger.client_id)
    client.add_authorizer("u", stranger.client_id)
    path = f"/v1/storage/policy/{client.client_id}/{client.client_id}/{stranger.client_id}"
    assert call_as(client)("DELETE", path).json() == {}
    assert client.get_authorizers() == []


def test_taking_back_one_right_leaves_the_other(people):
    writer, receiver, third = people
    record = writer.write("both", {"a": "1"})
    writer.share("both", receiver.client_id)
    writer.add_authorizer("both", receiver.client_id)
    writer.remove_authorizer("both", receiver.client_id)
    with Client(receiver.config) as anew:
        assert anew.read(record.meta.record_id).data == {"a": "1"}
    writer.add_authorizer("both", receiver.client_id)
    writer.revoke("both", receiver.client_id)
    receiver.share_on_behalf_of(writer.client_id, third.client_id, "both")
    writer.remove_authorizer("both", receiver.client_id)
    with pytest.raises(errors.AccessKeyMissing):
        receiver.share_on_behalf_of(writer.client_id, third.client_id, "both")
