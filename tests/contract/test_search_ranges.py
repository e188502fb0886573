"""Ranges and the order of the v2 search."""

from datetime import timedelta

import pytest
from sqlalchemy import text as text_of

from e3db_connectors import Search
from e3db_connectors.wire import times
from e3db_connectors.wire.search import Order, Params, Range, SearchRequest, Terms

ZERO = "0001-01-01T00:00:00Z"
MICROSECOND = timedelta(microseconds=1)


def created(record):
    return times.parse(record.meta.created)


def modified(record):
    return times.parse(record.meta.last_modified)


# Ranges


@pytest.mark.parametrize("key", ["CREATED", "MODIFIED"])
def test_a_range_includes_its_start_and_excludes_its_end(found, three_records, key):
    start, end = created(three_records["1"]), created(three_records["3"])
    assert found(Search().range(key=key, start=start, end=end)) == ["1", "2"]
    assert found(Search().range(key=key, start=start + MICROSECOND, end=end + MICROSECOND)) == ["2", "3"]


@pytest.mark.parametrize("key", ["CREATED", "MODIFIED"])
def test_two_halves_of_a_range_share_no_record(found, three_records, key):
    middle = created(three_records["2"])
    assert found(Search().range(key=key, end=middle)) == ["1"]
    assert found(Search().range(key=key, start=middle)) == ["2", "3"]


def test_a_range_by_modified_goes_by_the_last_update(client, found, three_records):
    updated = client.update(three_records["1"])
    assert found(Search().range(key="MODIFIED", start=modified(updated))) == ["1"]
    assert found(Search().range(key="MODIFIED", end=modified(updated))) == ["2", "3"]


def test_a_range_by_created_ignores_updates(client, found, three_records):
    updated = client.update(three_records["1"])
    assert found(Search().range(key="CREATED", start=modified(updated))) == []
    assert found(Search().range(key="CREATED", end=created(three_records["2"]))) == ["1"]


@pytest.mark.parametrize("key", [None, ""])
def test_a_range_without_a_key_goes_by_created(client, raw_found, three_records, key):
    updated = client.update(three_records["1"])
    assert raw_found(range={"range_key": key, "before": updated.meta.last_modified}) == ["1", "2", "3"]


@pytest.mark.parametrize("unset", [None, "", ZERO, "0001-01-01T00:00:00.000000Z"])
def test_a_bound_that_is_not_set_is_open(raw_found, three_records, unset):
    middle = three_records["2"].meta.created
    assert raw_found(range={"after": unset, "before": unset}) == ["1", "2", "3"]
    assert raw_found(range={"after": middle, "before": unset}) == ["2", "3"]
    assert raw_found(range={"after": unset, "before": middle}) == ["1"]


def test_a_range_that_ends_at_or_before_its_start_finds_nothing(search, three_records):
    early, late = three_records["1"].meta.created, three_records["3"].meta.created
    for after, before in ((late, early), (early, early)):
        answer = search(range={"after": after, "before": before})
        assert (answer.status_code, answer.json()["results"], answer.json()["total_results"]) == (200, [], 0)


def test_bounds_are_compared_as_instants(raw_found, three_records):
    middle = created(three_records["2"])
    spellings = [
        (middle + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S.%f+05:30"),
        (middle - timedelta(hours=7)).strftime("%Y-%m-%dT%H:%M:%S.%f-07:00"),
        middle.strftime("%Y-%m-%d %H:%M:%S.%f"),
        middle.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
    ]
    assert [raw_found(range={"after": text}) for text in spellings] == [["2", "3"]] * len(spellings)


def test_bounds_may_be_seconds(raw_found, three_records):
    second = int(created(three_records["1"]).timestamp())
    assert raw_found(range={"after": second, "before": second + 60}) == ["1", "2", "3"]
    assert raw_found(range={"before": second}) == []


@pytest.mark.parametrize("bound", [1e20, 2**64, 1e300, -1e300])
def test_a_bound_beyond_all_times_is_no_server_error(search, bound):
    assert search(range={"after": bound}).status_code in {200, 400}


def test_a_range_and_a_match_are_anded(found, three_records):
    assert found(Search().match(values=["Braga", "good"]).range(start=created(three_records["2"]))) == ["3"]


def test_times_at_the_ends_of_the_calendar_are_taken(raw_found, three_records):
    assert raw_found(range={"after": "1000-01-01T00:00:00Z", "before": "9999-12-31T23:59:59.999999Z"}) == list(three_records)


# Order


@pytest.mark.parametrize(
    "order", [None, {}, {"sort_order": None}, {"sort_order": ""}, {"sort_order": "ASCENDING"}, {"sortOrder": "ASCENDING"}]
)
@pytest.mark.usefixtures("three_records")
def test_the_order_is_ascending_unless_asked(raw_found, order):
    assert raw_found(order=order) == ["1", "2", "3"]


@pytest.mark.parametrize("spelling", ["sort_order", "sortOrder"])
@pytest.mark.usefixtures("three_records")
def test_the_order_may_be_descending_in_both_spellings(raw_found, spelling):
    assert raw_found(order={spelling: "DESCENDING"}) == ["3", "2", "1"]


@pytest.mark.usefixtures("three_records")
def test_the_client_finds_the_latest_first(found):
    assert found(Search(count=1).order("DESCENDING")) == ["3"]


def test_the_order_goes_by_the_time_of_the_range(client, found, three_records):
    client.update(three_records["1"])
    assert found(Search().range(key="CREATED")) == ["1", "2", "3"]
    assert found(Search().range(key="MODIFIED")) == ["2", "3", "1"]
    assert found(Search().range(key="MODIFIED").order("DESCENDING")) == ["1", "3", "2"]


@pytest.mark.usefixtures("three_records")
def test_pages_keep_to_a_descending_order(found):
    pages = [found(Search(count=2, next_token=token).order("DESCENDING")) for token in (0, 2)]
    assert pages == [["3", "2"], ["1"]]


def test_a_sealed_page_says_the_same_as_an_open_one(client, three_records):
    request = SearchRequest(
        limit=1,
        match=[Params(Terms(content_types=["note"]))],
        range=Range("MODIFIED", after=three_records["1"].meta.created),
        order=Order(java_sort_order="DESCENDING"),
    )
    page = client.search_page(request)
    assert [result.meta for result in page.results] == [three_records["2"].meta]
    assert (page.last_index, page.total_results) == (1, 2)


# Times without an offset


@pytest.fixture
def written_at(server, client):
    """A record that was created at 2024-07-01T12:00:00 UTC, and one in the winter before."""

    def set_times(record, text):
        micros = times.to_micros(times.parse(text))
        with server.database() as connection:
            connection.execute(
                text_of("UPDATE records SET created = :at WHERE record_id = :record_id"), {"at": micros, "record_id": record.meta.record_id}
            )

    for name, text in (("winter", "2024-01-01T12:00:00Z"), ("summer", "2024-07-01T12:00:00Z")):
        set_times(client.write("note", {}, {"n": name}), text)


@pytest.mark.parametrize(
    ("zone", "noon", "names"),
    [
        (None, "2024-07-01T12:00:00", ["summer"]),
        ("", "2024-07-01T12:00:00", ["summer"]),
        ("UTC", "2024-07-01 12:00:00", ["summer"]),
        ("-07:00", "2024-07-01T05:00:00", ["summer"]),
        ("+05:30", "2024-07-01T17:30:00.000", ["summer"]),
        ("America/Phoenix", "2024-07-01T05:00:00", ["summer"]),
        ("Europe/Lisbon", "2024-07-01T13:00:00", ["summer"]),
        ("Europe/Lisbon", "2024-01-01T12:00:00", ["winter"]),
        ("Europe/Lisbon", "2024-07-01T12:00:00", []),
        ("America/Phoenix", "2024-07-01T12:00:00Z", ["summer"]),
        ("America/Phoenix", "2024-07-01T14:00:00+02:00", ["summer"]),
        ("America/Phoenix", 1719835200, ["summer"]),
    ],
)
@pytest.mark.usefixtures("written_at")
def test_a_zone_holds_for_times_without_an_offset_alone(raw_found, zone, noon, names):
    later = noon + 1 if isinstance(noon, int) else noon.replace("00:00", "00:01").replace("30:00", "30:01")
    assert raw_found(range={"after": noon, "before": later, "time_zone": zone}) == names


@pytest.mark.parametrize(
    "zone",
    ["Mars/Olympus", "America", "-7", "+25:00", "+05:60", "PHX", "../UTC", "/etc/passwd", "posixrules", "\0", "Ä", "x" * 5000, " UTC"],
)
@pytest.mark.parametrize("bound", [{}, {"after": "2024-01-01T00:00:00Z"}])
def test_a_zone_that_does_not_exist_is_400(search, zone, bound):
    assert search(range={**bound, "time_zone": zone}).status_code == 400


@pytest.mark.parametrize("time_format", ["Unix", "ISO8601DateTime", "", None])
@pytest.mark.usefixtures("written_at")
def test_numbers_are_seconds_in_every_format_and_texts_of_digits_in_one(raw_found, search, time_format):
    seconds = {"after": 1719835200, "before": 1719835200.5, "time_format": time_format}
    assert raw_found(range=seconds) == ["summer"]
    texts = search(range={"after": "1719835200", "before": "1719835200.5", "time_format": time_format})
    assert texts.status_code == (200 if time_format == "Unix" else 400)
    assert time_format != "Unix" or texts.json()["total_results"] == 1
    assert raw_found(range={"after": "2024-07-01T12:00:00Z", "time_format": time_format}) == ["summer"]


def test_a_format_that_is_none_is_400(search):
    assert search(range={"time_format": "unix"}).status_code == 400
