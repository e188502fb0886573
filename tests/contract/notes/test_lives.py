"""What becomes of a note: read, replaced, used up, expired, deleted (protocol sections 14.3 and 14.4)."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from urllib.parse import quote

import pytest

NOTES = "/v2/storage/notes"
UNKNOWN = "11111111-1111-4111-8111-111111111111"
ZERO_TIME = "0001-01-01T00:00:00Z"
PAST, FUTURE = "2001-02-03T04:05:06.000007Z", "2201-02-03T04:05:06.000007Z"


def is_error(answer, status):
    return answer.status_code == status and list(answer.json()) == ["error"]


# Reading


def test_a_note_is_read_by_id_or_name(writer, name):
    note = writer.write(id_string=name).json()
    assert writer.read(note_id=note["note_id"]).json() == note
    assert writer.read(id_string=name).json() == {**note, "views": 1}
    assert writer.read(note_id=note["note_id"].upper()).json()["note_id"] == note["note_id"]


@pytest.mark.parametrize("odd", ["two words", "a&b=c", "50%", "日本語 🗝", "a/b;c+d", "'\"\\", "x" * 200])
def test_a_name_is_any_text(writer, odd, name):
    note = writer.write(id_string=odd + name).json()
    assert writer.read(id_string=odd + name).json() == note


@pytest.mark.parametrize(
    "query",
    ["", "note_id=", "id_string=", "note_id=nonsense", f"note_id={UNKNOWN}&id_string=x", f"note_id={UNKNOWN}&note_id={UNKNOWN}", "id=x"],
)
@pytest.mark.parametrize("path", [NOTES, f"{NOTES}/views"])
def test_a_query_that_names_not_one_note_is_400(anybody, query, path):
    assert is_error(anybody("GET", path, query), 400)


@pytest.mark.parametrize("query", [f"note_id={UNKNOWN}", "id_string=nothing-of-this-name"])
@pytest.mark.parametrize("path", [NOTES, f"{NOTES}/views"])
def test_an_unknown_note_is_404(anybody, query, path):
    assert is_error(anybody("GET", path, query), 404)


def test_only_the_recipients_key_reads_whatever_its_name(writer, other, nameless, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key).json()
    for stranger in (writer, nameless, writer.alone()):
        assert is_error(stranger.read(note_id=note["note_id"]), 404)
        assert is_error(stranger.read(id_string=name), 404)
    for recipient in (other, other.alone()):
        assert recipient.read(note_id=note["note_id"]).status_code == 200
        assert recipient.read(id_string=name).status_code == 200


def test_an_anonymous_note_is_read_by_its_recipient(nameless, other):
    note = nameless.write(recipient_signing_key=other.key).json()
    assert other.read(note_id=note["note_id"]).json() == note
    assert is_error(nameless.read(note_id=note["note_id"]), 404)


def test_a_padded_key_is_the_same_key(writer):
    note = writer.write(recipient_signing_key=writer.key + "=", writer_signing_key=writer.key + "=").json()
    assert writer.read(note_id=note["note_id"]).json()["recipient_signing_key"] == writer.key + "="


# Names


def test_a_name_is_taken_once_among_all_clients(writer, other, name):
    first = writer.write(id_string=name).json()
    for second in (writer, other):
        assert is_error(second.write(id_string=name), 409)
    assert writer.read(id_string=name).json() == first


def test_an_anonymous_writer_loses_the_name(writer, nameless, name):
    first = nameless.write(id_string=name)
    assert (first.status_code, first.json()["id_string"]) == (201, "")
    assert is_error(nameless.read(id_string=name), 404)
    assert writer.write(id_string=name).status_code == 201
    assert nameless.write(id_string=name, max_views=2, expiration=FUTURE).json()["max_views"] == 2


def test_notes_without_a_name_do_not_collide(writer):
    assert [writer.write(id_string=empty).status_code for empty in ("", "", None)] == [201] * 3


@pytest.mark.parametrize("way", ["expired", "used up", "deleted"])
@pytest.mark.parametrize(("method", "status"), [("POST", 201), ("PUT", 200)])
def test_a_note_that_is_gone_frees_its_name(writer, other, name, way, method, status):
    expires = {"expires": True, "expiration": PAST} if way == "expired" else {}
    note = writer.write(id_string=name, max_views=1, **expires).json()
    if way == "used up":
        assert writer.read(id_string=name).status_code == 200
    if way == "deleted":
        assert writer.delete(note["note_id"]).status_code == 200
    again = other.write(method, id_string=name)
    assert again.status_code == status
    assert again.json()["client_id"] == other.client_id


def test_of_many_writers_of_a_name_one_succeeds(writer, name):
    barrier = Barrier(6)

    def write(_):
        barrier.wait()
        return writer.write(id_string=name).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == [201, *[409] * 5]


# Replacing


def test_replacing_makes_a_new_note_in_place_of_the_old(writer, name):
    old = writer.write(id_string=name, max_views=5).json()
    writer.read(id_string=name)
    answer = writer.write("PUT", id_string=name, data={"new": "value"})
    new = answer.json()
    assert answer.status_code == 200
    assert new["note_id"] != old["note_id"]
    assert (new["data"], new["views"], new["max_views"]) == ({"new": "value"}, 0, -1)
    assert is_error(writer.read(note_id=old["note_id"]), 404)
    assert writer.read(id_string=name).json() == new


def test_replacing_what_is_not_there_creates_it(writer, name):
    answer = writer.write("PUT", id_string=name)
    assert answer.status_code == 200
    assert writer.read(id_string=name).json() == answer.json()


def test_somebody_elses_note_is_not_replaced(writer, other, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key).json()
    assert is_error(other.write("PUT", id_string=name), 403)
    assert other.read(id_string=name).json() == note


def test_a_refused_replacement_leaves_the_note(writer, other, name):
    note = writer.write(id_string=name).json()
    assert is_error(writer.write("PUT", id_string=name, writer_signing_key=other.key), 400)
    assert writer.read(id_string=name).json() == note


@pytest.mark.parametrize("missing", ["", None])
def test_a_replacement_needs_a_name(writer, missing):
    assert is_error(writer.write("PUT", id_string=missing), 400)


# Views


def test_after_its_last_view_a_note_is_gone(writer, other, name):
    note = writer.write(id_string=name, recipient_signing_key=other.key, max_views=3).json()
    seen = []
    for _ in range(3):
        assert is_error(writer.read(id_string=name), 404)  # which does not count
        seen.append((other.views(note["note_id"]).json(), other.read(id_string=name).json()["views"]))
    assert seen == [(3, 0), (2, 1), (1, 2)]
    assert is_error(other.read(note_id=note["note_id"]), 404)
    assert is_error(other.read(id_string=name), 404)
    assert is_error(other.views(note["note_id"]), 404)
    assert is_error(writer.delete(note["note_id"]), 404)


@pytest.mark.parametrize("max_views", [None, 0, -1])
def test_without_a_number_of_views_there_is_no_limit(anybody, max_views):
    note = anybody.write(max_views=max_views).json()
    assert [anybody.read(note_id=note["note_id"]).json()["views"] for _ in range(4)] == [0, 1, 2, 3]
    assert anybody.views(note["note_id"]).json() == -1


def test_the_views_left_are_a_bare_number_for_writer_and_recipient(writer, other, nameless):
    note_id = writer.write(recipient_signing_key=other.key, max_views=1).json()["note_id"]
    for caller in (writer, other):
        answer = caller.views(note_id)
        assert (answer.status_code, answer.text) == (200, "1")
        assert answer.headers["Content-Type"] == "application/json"
    assert is_error(nameless.views(note_id), 404)
    assert other.read(note_id=note_id).status_code == 200


def test_of_eight_readers_at_once_three_see_a_note_of_three_views(writer):
    note_id = writer.write(max_views=3).json()["note_id"]
    barrier = Barrier(8)

    def read(_):
        barrier.wait()
        return writer.read(note_id=note_id)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [404] * 5
    assert sorted(answer.json()["views"] for answer in answers if answer.status_code == 200) == [0, 1, 2]


# Expiry


@pytest.mark.parametrize("past", [PAST, "2001-02-03T04:05:06Z", "2001-02-03T04:05:06+07:00", "Sat Feb 03 04:05:06 UTC 2001"])
def test_a_note_past_its_time_is_gone(anybody, past):
    note_id = anybody.write(expires=True, expiration=past).json()["note_id"]
    assert is_error(anybody.views(note_id), 404)
    assert is_error(anybody.read(note_id=note_id), 404)
    assert is_error(anybody.delete(note_id), 404)


@pytest.mark.parametrize(
    ("expires", "expiration"),
    [(True, FUTURE), (True, ZERO_TIME), (True, None), (True, ""), (False, PAST), (None, PAST), (True, "Tue Jul 28 10:00:00 CEST 2026")],
)
def test_a_note_without_flag_and_past_time_stays(writer, expires, expiration):
    note = writer.write(expires=expires, expiration=expiration).json()
    assert writer.read(note_id=note["note_id"]).status_code == 200


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (FUTURE, FUTURE),
        ("2201-02-03T04:05:06Z", "2201-02-03T04:05:06.000001Z"),
        ("2201-02-03T04:05:06.123456789+01:00", "2201-02-03T03:05:06.123456Z"),
        ("2201-02-03 04:05:06", "2201-02-03T04:05:06.000001Z"),
        ("Tue Jul 28 10:00:00 UTC 2201", "2201-07-28T10:00:00.000001Z"),
        ("Tue Jul 28 10:00:00 GMT 2201", "2201-07-28T10:00:00.000001Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        (ZERO_TIME, ZERO_TIME),
        ("0001-01-01 00:00:00", ZERO_TIME),
        (None, ZERO_TIME),
        ("", ZERO_TIME),
        ("Tue Jul 28 10:00:00 CEST 2201", ZERO_TIME),
        ("soon", ZERO_TIME),
    ],
)
def test_times_of_any_sdk_are_taken(writer, given, told):
    assert writer.write(expiration=given, expires=True).json()["expiration"] == told


def test_the_time_that_counts_is_the_servers_own_to_the_second(writer):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    note_id = writer.write(expires=True, expiration=soon.isoformat()).json()["note_id"]
    deadline = time.monotonic() + 30
    while writer.views(note_id).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert datetime.now(UTC) >= soon


# Deleting


def test_a_writer_deletes_its_note_once(anybody):
    note_id = anybody.write().json()["note_id"]
    answer = anybody.delete(note_id)
    assert (answer.status_code, answer.json()) == (200, {})
    assert is_error(anybody.delete(note_id), 404)
    assert is_error(anybody.read(note_id=note_id), 404)


def test_only_the_writer_deletes(writer, other, nameless):
    note_id = writer.write(recipient_signing_key=other.key).json()["note_id"]
    for caller in (other, nameless, writer.alone(), other.alone()):
        assert is_error(caller.delete(note_id), 404)
    assert other.read(note_id=note_id).status_code == 200


def test_an_anonymous_note_is_deleted_by_its_key_alone(nameless, writer):
    note_id = nameless.write(recipient_signing_key=writer.key).json()["note_id"]
    assert is_error(writer.delete(note_id), 404)
    assert nameless.delete(note_id).status_code == 200


@pytest.mark.parametrize("note_id", ["nonsense", quote("a b"), "views"])
def test_deleting_a_malformed_id_is_400(anybody, note_id):
    assert is_error(anybody.delete(note_id), 400)


def test_notes_survive_a_restart_with_their_views(running_server, signing_as, session, tmp_path):
    def calls(server):
        return lambda method, path, **options: session.request(method, server.url + path, timeout=30, **options)

    with running_server(tmp_path) as first, first.register() as client:
        writer = signing_as(calls(first), client)
        note = writer.write(max_views=2).json()
        writer.read(note_id=note["note_id"])
    with running_server(tmp_path) as second:
        writer.http = calls(second)
        assert writer.read(note_id=note["note_id"]).json() == {**note, "views": 1}
        assert is_error(writer.read(note_id=note["note_id"]), 404)
    assert NOTES in (tmp_path / "server.log").read_text()
