"""Windows and their shards."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.airflow.transfers.plan_windows import E3DBPlanWindowsOperator, split
from e3db_connectors.airflow.transfers.verify_window import E3DBVerifyWindowOperator
from e3db_connectors.airflow.transfers.windows import bound_of, window_of
from e3db_connectors.errors import UsageError
from e3db_connectors.wire import times

MOMENT = datetime(2026, 11, 24, 10, 36, 37, 576719, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "bound"),
    [
        (None, None),
        ("", None),
        (" ", None),
        ("None", None),
        ("2026-11-24 10:36:37.576719+00:00", MOMENT),
        ("2026-11-24T10:36:37.576719Z", MOMENT),
        ("2026-11-24T12:36:37.576719+02:00", MOMENT),
        (MOMENT, MOMENT),
        (MOMENT.replace(tzinfo=None), MOMENT),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_bounds_as_templates_render_them(given, bound):
    assert bound_of(given) == bound


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "none", "{{ ds }}"])
def test_what_is_no_time(text):
    with pytest.raises(UsageError, match="is no time"):
        bound_of(text)


def test_an_empty_window():
    with pytest.raises(UsageError, match="must be before"):
        window_of("2026-01-02", "2026-01-01")


@given(
    since=st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2040, 1, 1)),
    length=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=9999)),
    shards=st.integers(1, 300),
)
def test_shards_cover_a_range(since, length, shards):
    since = since.replace(tzinfo=UTC)
    bounds = split(since, since + length, shards)
    assert (bounds[0], bounds[-1]) == (since, since + length)
    assert len(bounds) - 1 <= shards
    lengths = [end - begin for begin, end in pairwise(bounds)]
    assert max(lengths) - min(lengths) <= timedelta(milliseconds=2)
    assert min(lengths) > timedelta(0)


def test_a_plan(connected, context):
    plan = E3DBPlanWindowsOperator(task_id="plan", since="2026-01-01", until="2026-01-03", shards="2").execute(context)
    assert plan == [
        {"since": "2026-01-01T00:00:00.000000Z", "until": "2026-01-02T00:00:00.000000Z"},
        {"since": "2026-01-02T00:00:00.000000Z", "until": "2026-01-03T00:00:00.000000Z"},
    ]
    [only] = E3DBPlanWindowsOperator(task_id="plan", since="2026-01-01", shards=1).execute(context)
    assert abs(times.parse(only["until"]) - connected.server_time()) < timedelta(seconds=30)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": ""}, "needs a begin"),
        ({"since": "2100-01-01"}, "future"),
        ({"since": "2026-01-01", "shards": "many"}, "a number"),
        ({"since": "2026-01-01", "shards": None}, "a number"),
    ],
)
def test_what_cannot_be_planned(context, options, words):
    with pytest.raises(AirflowFailException, match=words):
        E3DBPlanWindowsOperator(task_id="plan", **options).execute(context)


def test_a_window_is_verified(connected, load, warehouse, context):
    for name in ("kept", "changed", "deleted", "lost"):
        connected.write("contact", {"name": name})
    load()
    records = {record.data["name"]: record for record in connected.query_all(record_type="contact")}
    verify = E3DBVerifyWindowOperator(task_id="verify", record_type="contact", sql_conn_id="warehouse", since="1970-01-01")
    assert verify.execute(context)["records"] == 4
    for name in ("deleted", "lost"):
        record_id = records[name].meta.record_id
        warehouse.query(f"DELETE FROM contact WHERE _e3db_record_id = '{record_id}'")  # noqa: S608
    connected.delete(records["deleted"].meta.record_id, records["deleted"].meta.version)
    record_id = records["changed"].meta.record_id
    warehouse.query(f"UPDATE contact SET _e3db_version = 'x' WHERE _e3db_record_id = '{record_id}'")  # noqa: S608 - as if newer
    with pytest.raises(AirflowException, match=f"1 of 3 records .*{records['lost'].meta.record_id}"):
        verify.execute(context)
    load(since="1970-01-01")
    assert verify.execute(context)["records"] == 3
