"""Access keys: opaque, per writer, user, reader and type, and never replaced."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from e3db_connectors import Client, Search, errors
from e3db_connectors.wire.records import AccessKey

EAK = "SOMERANDOMNPOTENTIALLYNONVALIDKEY"
OTHER_EAK = "ANOTHERKEY"


@pytest.fixture
def path(client):
    """Make the path of a key of `client`'s own records, for itself unless told otherwise."""

    def make(record_type="note", **ids):
        own = client.client_id
        people = [ids.get(who, own) for who in ("writer", "user", "reader")]
        return f"/v1/storage/access_keys/{'/'.join(people)}/{quote(record_type, safe='')}"

    return make


@pytest.fixture
def stored(call, path):
    """The path of a key that is there."""
    assert call("PUT", path(), json={"eak": EAK}).status_code == 201
    return path()


def test_a_key_that_was_never_put_is_404(call, path):
    answer = call("GET", path())
    assert answer.status_code == 404
    assert isinstance(answer.json()["error"], str)


def test_put_answers_201_with_the_eak_and_nothing_else(call, path):
    answer = call("PUT", path(), json={"eak": EAK})
    assert answer.status_code == 201
    assert answer.json() == {"eak": EAK}


def test_put_ignores_the_members_that_go_adds(call, path):
    answer = call("PUT", path(), json={"eak": EAK, "WriterID": "", "UserID": "", "ReaderID": "", "RecordType": "other"})
    assert answer.json() == {"eak": EAK}
    assert call("GET", path()).json()["eak"] == EAK


def test_get_names_who_put_the_key_and_who_signs(call, stored, client):
    answer = call("GET", stored)
    assert answer.status_code == 200
    assert answer.json() == {
        "eak": EAK,
        "authorizer_id": client.client_id,
        "authorizer_public_key": {"curve25519": client.config.public_key},
        "signer_id": client.client_id,
        "signer_signing_key": {"ed25519": client.config.public_signing_key},
    }


def test_get_says_null_twice_for_a_writer_without_a_signing_key(http, call_as, client, registration_token):
    new = {"name": "unsigned", "public_key": {"curve25519": client.config.public_key}}
    made = http("POST", "/v1/account/e3db/clients/register", json={"token": registration_token, "client": new}).json()
    config = {**client.config(), **{name: made[name] for name in ("client_id", "api_key_id", "api_secret")}}
    with Client(config) as unsigned:
        call = call_as(unsigned)
    path = f"/v1/storage/access_keys/{made['client_id']}/{made['client_id']}/{made['client_id']}/note"
    call("PUT", path, json={"eak": EAK})
    key = call("GET", path).json()
    assert (key["signer_id"], key["signer_signing_key"]) == (None, None)


@pytest.mark.parametrize("eak", [EAK, OTHER_EAK])
def test_a_second_put_is_409_and_the_first_key_stays(call, stored, eak):
    assert call("PUT", stored, json={"eak": eak}).status_code == 409
    assert call("GET", stored).json()["eak"] == EAK


def test_of_puts_at_once_exactly_one_wins(call, path):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: call("PUT", path(), json={"eak": f"key-{number}"}), range(8)))
    winners = [answer.json()["eak"] for answer in answers if answer.status_code == 201]
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert [call("GET", path()).json()["eak"]] == winners


def test_put_after_delete_stores_the_new_key(call, stored):
    call("DELETE", stored)
    assert call("PUT", stored, json={"eak": OTHER_EAK}).status_code == 201
    assert call("GET", stored).json()["eak"] == OTHER_EAK


def test_put_by_another_client_is_403(call, call_as, stranger, path):
    assert call_as(stranger)("PUT", path(reader=stranger.client_id), json={"eak": EAK}).status_code == 403
    assert call("GET", path(reader=stranger.client_id)).status_code == 404


def test_put_for_a_reader_that_does_not_exist_is_404(call, path):
    assert call("PUT", path(reader=str(uuid4())), json={"eak": EAK}).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null\n",
        b"{}",
        b'{"eak": null}',
        b'{"eak": ""}',
        b'{"eak": 7}',
        b"{",
        pytest.param(b'{"eak": "%s"}' % (b"k" * 4097), id="long"),
    ],
)
def test_put_without_an_eak_is_400(call, path, body):
    assert call("PUT", path(), data=body).status_code == 400
    assert call("GET", path()).status_code == 404


@pytest.mark.parametrize("who", ["writer", "user", "reader"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_that_is_no_uuid_is_400(call, path, method, who):
    assert call(method, path(**{who: "nobody"}), json={"eak": EAK}).status_code == 400


def test_the_type_comes_through_the_path_unchanged(call, path, odd_type):
    assert call("PUT", path(odd_type), json={"eak": EAK}).status_code == 201
    assert call("GET", path(odd_type)).json()["eak"] == EAK
    assert call("GET", path(odd_type[:-1] + "~")).status_code == 404


def test_the_type_is_percent_decoded_once(call, path):
    call("PUT", path("a%2Fb"), json={"eak": EAK})
    assert call("GET", path("a%2Fb")).status_code == 200
    assert call("GET", path("a/b")).status_code == 404


def test_types_differ_by_case_and_by_spaces(call, path):
    call("PUT", path("Note"), json={"eak": EAK})
    assert [call("GET", path(name)).status_code for name in ("Note", "note", "Note ", " Note")] == [200, 404, 404, 404]


def test_each_reader_has_a_key_of_its_own(call, call_as, stranger, stored, path):
    call("PUT", path(reader=stranger.client_id), json={"eak": OTHER_EAK})
    assert call_as(stranger)("GET", path(reader=stranger.client_id)).json()["eak"] == OTHER_EAK
    assert call("GET", stored).json()["eak"] == EAK


def test_a_reader_learns_who_sealed_its_key(call, call_as, client, stranger, path):
    call("PUT", path(reader=stranger.client_id), json={"eak": EAK})
    key = call_as(stranger)("GET", path(reader=stranger.client_id)).json()
    assert (key["authorizer_id"], key["authorizer_public_key"]) == (client.client_id, {"curve25519": client.config.public_key})


def test_get_by_a_stranger_is_403(call_as, stranger, stored):
    answer = call_as(stranger)("GET", stored)
    assert answer.status_code == 403
    assert isinstance(answer.json()["error"], str)


def test_delete_answers_204_without_a_body(call, stored):
    answer = call("DELETE", stored)
    assert (answer.status_code, answer.content) == (204, b"")
    assert call("GET", stored).status_code == 404


def test_delete_of_an_absent_key_is_204_too(call, path):
    assert call("DELETE", path()).status_code == 204


def test_delete_takes_the_body_that_go_sends(call, stored):
    assert call("DELETE", stored, data=b"null\n").status_code == 204


def test_delete_by_another_client_is_403_and_the_key_stays(call, call_as, stranger, stored):
    assert call_as(stranger)("DELETE", stored).status_code == 403
    assert call("GET", stored).status_code == 200


def test_delete_of_one_readers_key_leaves_the_others(call, stranger, stored, path):
    call("PUT", path(reader=stranger.client_id), json={"eak": OTHER_EAK})
    call("DELETE", path(reader=stranger.client_id))
    assert call("GET", stored).status_code == 200


def test_the_client_refuses_a_key_that_it_did_not_make(call, client, path):
    call("PUT", path("note"), json={"eak": EAK})
    with pytest.raises(errors.IntegrityError):
        client.write("note", {"a": "b"})


def test_two_processes_of_one_client_come_to_the_same_key(client):
    with Client(client.config) as twin:
        written = [client.write("note", {"a": "from one"}), twin.write("note", {"a": "from the other"})]
    assert [client.read(record.meta.record_id).data["a"] for record in written] == ["from one", "from the other"]


def test_a_result_that_carries_no_key_is_opened_with_the_one_that_is_asked_for(client):
    client.write("note", {"a": "b"})
    (sealed,) = client.search_page(Search(include_data=True).to_request()).results
    for carried in (None, msgspec.json.decode(b"{}", type=AccessKey)):
        assert client.open(msgspec.structs.replace(sealed, access_key=carried)).data == {"a": "b"}
