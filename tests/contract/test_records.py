"""Records: what comes back, who may do what, and what the server gets to see."""

import json
from email.utils import parsedate_to_datetime
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from e3db_connectors import Client, Record, errors
from e3db_connectors.wire import times
from e3db_connectors.wire.queries import QueryRequest

RECORDS = "/v1/storage/records"
LIMIT = 10 * 1024 * 1024


@pytest.fixture
def record(client):
    return client.write("note", {"title": "first", "body": "text"}, {"city": "Porto"})


@pytest.fixture
def as_upload(upload):
    """Make the body of an update that changes nothing but the given meta members."""
    return lambda **meta: upload({"title": "quad"}, **meta)


def version_path(record):
    return f"{RECORDS}/safe/{record.meta.record_id}/{record.meta.version}"


def changed(record, **data):
    return Record(record.meta, data)


# Round trips


def test_what_is_written_is_read_back(client, record):
    assert client.read(record.meta.record_id) == record
    assert record.data == {"title": "first", "body": "text"}


def test_another_process_of_the_client_reads_it_too(client, record):
    with Client(client.config) as twin:
        assert twin.read(record.meta.record_id).data == record.data


def test_an_update_replaces_data_and_plain(client, record):
    meta = msgspec.structs.replace(record.meta, plain={"city": "Braga"})
    updated = client.update(Record(meta, {"title": "second"}))
    found = client.read(record.meta.record_id)
    assert found == updated
    assert (found.data, found.meta.plain) == ({"title": "second"}, {"city": "Braga"})


def test_a_record_about_somebody_else_is_not_sealed_under_another_key(call, client, stranger, upload):
    written = call("POST", "/v1/storage/records", json=upload(user_id=stranger.client_id)).json()["meta"]
    record = client.read(written["record_id"])
    record.data["a"] = "x"
    with pytest.raises(errors.UsageError, match="about another client"):
        client.update(record)
    assert client.read(written["record_id"]).meta.version == written["version"]


def test_an_update_gives_a_new_version_and_a_later_time_but_keeps_the_rest(client, record):
    before, after = record.meta, client.update(changed(record, title="second")).meta
    assert after.version != before.version
    assert after.last_modified > before.last_modified
    assert msgspec.structs.replace(after, version=before.version, last_modified=before.last_modified) == before


def test_a_deleted_record_is_not_found(client, record):
    client.delete(record.meta.record_id, record.meta.version)
    with pytest.raises(errors.NotFound):
        client.read(record.meta.record_id)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    data=st.dictionaries(st.text(max_size=20), st.text(max_size=200), max_size=5), plain=st.dictionaries(st.text(), st.text(), max_size=3)
)
def test_any_text_survives_the_round_trip(client, data, plain):
    written = client.write("note", data, plain)
    found = client.read(written.meta.record_id)
    assert (found.data, found.meta.plain) == (data, plain)


def test_any_type_survives_the_round_trip(client, odd_type):
    written = client.write(odd_type, {"a": "b"})
    with Client(client.config) as twin:
        assert twin.read(written.meta.record_id) == written
    assert written.meta.record_type == odd_type


def test_a_value_of_three_megabytes_survives_the_round_trip(client):
    value = "0123456789abcdef" * (3 * 2**16)
    written = client.write("note", {"value": value})
    assert client.read(written.meta.record_id).data["value"] == value


def test_a_plain_value_of_25_kilobytes_survives_the_round_trip(client):
    plain = {"long": "x" * 25_000}
    written = client.write("note", {}, plain)
    assert client.read(written.meta.record_id).meta.plain == plain


# Shapes


def test_the_answer_to_a_write_has_all_members(call, client, upload):
    answer = call("POST", RECORDS, json={**upload({"a": "quad"}, plain={"k": "v"}), "rec_sig": "signature"})
    body = answer.json()
    meta = body.pop("meta")
    assert answer.status_code == 201
    assert body == {"data": {"a": "quad"}, "rec_sig": "signature"}
    assert sorted(meta) == ["created", "last_modified", "plain", "record_id", "type", "user_id", "version", "writer_id"]
    assert str(UUID(meta["record_id"])) == meta["record_id"]
    assert (meta["writer_id"], meta["user_id"], meta["type"]) == (client.client_id, client.client_id, "note")


def test_read_and_write_answer_alike(call, upload):
    written = call("POST", RECORDS, json=upload({"a": "quad"})).json()
    assert call("GET", f"{RECORDS}/{written['meta']['record_id']}").json() == written


def test_update_answers_200_with_what_a_read_gives(call, record, as_upload):
    answer = call("PUT", version_path(record), json=as_upload())
    assert answer.status_code == 200
    assert answer.json() == call("GET", f"{RECORDS}/{record.meta.record_id}").json()


def test_delete_answers_204_without_a_body(call, record):
    answer = call("DELETE", version_path(record), data=b"null\n")
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("given", [{}, {"plain": None}, {"plain": {}}])
def test_plain_is_always_an_object(call, upload, given):
    written = call("POST", RECORDS, json=upload(**given)).json()
    assert written["meta"]["plain"] == {}
    assert call("GET", f"{RECORDS}/{written['meta']['record_id']}").json()["meta"]["plain"] == {}


def test_file_meta_is_no_member_of_a_record_anywhere(call, record, as_upload):
    read = call("GET", f"{RECORDS}/{record.meta.record_id}").json()
    updated = call("PUT", version_path(record), json=as_upload()).json()
    results = [call("POST", path, json={}).json()["results"][0] for path in ("/v1/storage/search", "/v2/search")]
    assert not [body for body in (read, updated, *results) if "file_meta" in body["meta"]]


@pytest.mark.parametrize("data", [None, {}])
def test_a_record_without_data_is_read_as_an_empty_object(call, upload, data):
    written = call("POST", RECORDS, json={**upload(), "data": data}).json()
    assert call("GET", f"{RECORDS}/{written['meta']['record_id']}").json()["data"] == {}


def test_what_only_the_server_gives_is_ignored_in_a_write(call, upload):
    zero, given = "0001-01-01T00:00:00Z", str(uuid4())
    body = upload(record_id=given, version=given, created=zero, last_modified=zero, file_meta=None, colour="red")
    meta = call("POST", RECORDS, json=body).json()["meta"]
    assert given not in meta.values()
    assert zero not in meta.values()


def test_a_read_can_be_limited_to_some_fields(call, upload):
    written = call("POST", RECORDS, json=upload({"a": "1", "b": "2", "c": "3"})).json()
    found = call("GET", f"{RECORDS}/{written['meta']['record_id']}?field=a&field=c&field=absent").json()
    assert found["meta"] == written["meta"]
    assert found["data"] == {"a": "1", "c": "3"}


def test_ids_are_kept_in_canonical_form_or_refused(call, client, upload):
    answer = call("POST", RECORDS, json=upload(user_id=client.client_id.upper()))
    assert answer.status_code == 400 or answer.json()["meta"]["user_id"] == client.client_id


# Times


def test_times_have_six_digits_on_every_road(call, record, as_upload, wire_time):
    read = call("GET", f"{RECORDS}/{record.meta.record_id}").json()
    updated = call("PUT", version_path(record), json=as_upload()).json()
    found = call("POST", "/v2/search", json={}).json()["results"][0]
    for meta in (read["meta"], updated["meta"], found["meta"]):
        assert wire_time.fullmatch(meta["created"])
        assert wire_time.fullmatch(meta["last_modified"])


def test_created_and_modified_are_the_same_at_first(record):
    assert record.meta.created == record.meta.last_modified


def test_times_of_writes_in_a_row_strictly_increase(client):
    created = [client.write("note", {}).meta.created for _ in range(50)]
    assert created == sorted(set(created))


def test_nothing_is_written_before_a_date_that_was_sent(call, client, upload):
    for _ in range(5):
        date = parsedate_to_datetime(call("GET", f"/v1/storage/clients/{client.client_id}").headers["Date"])
        created = call("POST", RECORDS, json=upload()).json()["meta"]["created"]
        assert times.parse(created) >= date


# Refusals


def test_a_stale_update_is_a_conflict_and_changes_nothing(client, record):
    winner = client.update(changed(record, title="winner"))
    with pytest.raises(errors.Conflict):
        client.update(changed(record, title="loser"))
    assert client.read(record.meta.record_id) == winner


def test_a_stale_delete_is_a_conflict_and_deletes_nothing(client, record):
    client.update(changed(record, title="second"))
    with pytest.raises(errors.Conflict):
        client.delete(record.meta.record_id, record.meta.version)
    assert client.read(record.meta.record_id).data == {"title": "second"}


def test_a_foreign_record_is_not_found(stranger, record):
    with pytest.raises(errors.NotFound):
        stranger.read(record.meta.record_id)


def test_a_foreign_record_looks_like_one_that_is_not_there(call_as, stranger, record):
    call = call_as(stranger)
    foreign, missing = call("GET", f"{RECORDS}/{record.meta.record_id}"), call("GET", f"{RECORDS}/{uuid4()}")
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert foreign.status_code == 404


def test_a_foreign_record_is_neither_updated_nor_deleted(client, stranger, record):
    with pytest.raises(errors.APIError) as update:
        stranger.update(changed(record, title="taken"))
    with pytest.raises(errors.Forbidden):
        stranger.delete(record.meta.record_id, record.meta.version)
    assert update.value.status in {403, 404}
    assert client.read(record.meta.record_id) == record


def test_delete_of_a_missing_record_is_forbidden(client):
    with pytest.raises(errors.Forbidden):
        client.delete(str(uuid4()), str(uuid4()))


def test_a_second_delete_is_forbidden(client, record):
    client.delete(record.meta.record_id, record.meta.version)
    with pytest.raises(errors.Forbidden):
        client.delete(record.meta.record_id, record.meta.version)


def test_update_of_a_missing_record_is_404(call, as_upload):
    assert call("PUT", f"{RECORDS}/safe/{uuid4()}/{uuid4()}", json=as_upload()).status_code == 404


def test_writing_as_somebody_else_is_403(call, stranger, upload):
    assert call("POST", RECORDS, json=upload(writer_id=stranger.client_id)).status_code == 403


def test_file_meta_in_a_plain_write_is_400(call, upload):
    assert call("POST", RECORDS, json=upload(file_meta={"checksum": "x", "size": 1})).status_code == 400


@pytest.mark.parametrize("member", ["type", "user_id", "writer_id"])
def test_type_user_and_writer_of_a_record_never_change(call, client, stranger, record, as_upload, member):
    other = "other" if member == "type" else stranger.client_id
    assert call("PUT", version_path(record), json=as_upload(**{member: other})).status_code == 400
    assert client.read(record.meta.record_id) == record


@pytest.mark.parametrize("record_type", ["", "a\nb", "a\0b", None, 7])
def test_a_type_that_cannot_be_is_400(call, upload, record_type):
    assert call("POST", RECORDS, json=upload(type=record_type)).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"null\n", b"[]", b"{", b"{}", b'{"meta": null, "data": {}}', b'{"meta": {}, "data": {}}', b"\xff\xfe"],
    ids=["empty", "null", "list", "cut", "nothing", "null-meta", "empty-meta", "no-utf8"],
)
def test_a_body_that_is_no_record_is_400(call, body):
    answer = call("POST", RECORDS, data=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)


@pytest.mark.parametrize("wrong", [{"a": 7}, {"a": None}, {"a": {}}, ["a"], "text"])
def test_values_that_are_no_text_are_400(call, upload, wrong):
    assert call("POST", RECORDS, json={**upload(), "data": wrong}).status_code == 400
    assert call("POST", RECORDS, json=upload(plain=wrong)).status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_that_is_no_uuid_is_refused(call, as_upload, method):
    path = f"{RECORDS}/nothing" if method == "GET" else f"{RECORDS}/safe/nothing/{uuid4()}"
    assert call(method, path, json=as_upload()).status_code in {400, 404}


def test_a_body_of_ten_mebibytes_is_taken(call, upload):
    frame = len(json.dumps(upload({"a": ""})))
    body = json.dumps(upload({"a": "x" * (LIMIT - frame)}))
    assert len(body) == LIMIT
    assert call("POST", RECORDS, data=body).status_code == 201


def test_a_body_above_ten_mebibytes_is_413(call, upload):
    answer = call("POST", RECORDS, json=upload({"a": "x" * LIMIT}))
    assert answer.status_code == 413
    assert isinstance(answer.json()["error"], str)


def test_a_value_above_the_limit_is_an_invalid_request_for_the_client(client):
    with pytest.raises(errors.InvalidRequest) as refused:
        client.write("note", {"a": "x" * LIMIT})
    assert refused.value.status == 413
    assert list(client.query_pages(QueryRequest())) == []


# What the server gets to see


def test_the_server_stores_cipher_text_only(client, server):
    secret, clear = f"secret-{uuid4()}", f"clear-{uuid4()}"
    written = client.write("note", {"value": secret}, {"value": clear})
    client.update(Record(written.meta, {"value": secret + " again"}))
    stored = server.stored()
    assert clear.encode() in stored
    assert secret.encode() not in stored


def test_the_server_stores_no_private_key_api_secret_or_token(client, server, call):
    config = client.config
    client.write("note", {"a": "b"})
    stored = server.stored()
    assert config.public_key.encode() in stored
    for secret in (config.private_key, config.private_signing_key, config.api_secret, call.token):
        assert secret.encode() not in stored
