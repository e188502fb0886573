"""Records as assets, and what those hear who wait for them."""

import pytest
from airflow.sdk import Asset
from airflow.sdk.lineage import HookLineageCollector

from e3db_connectors import Search
from e3db_connectors.airflow.assets import asset_of, convert_asset_to_openlineage, create_asset
from e3db_connectors.airflow.hooks.e3db import E3DBHook

ID = "b3a1c2d4-0000-4000-8000-000000000000"

DAG = """
from airflow.sdk import Asset, dag, get_current_context, task
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator

NAMED = Asset("named")

@dag(schedule=None)
def emits():
    write = E3DBWriteRecordsOperator(
        task_id="write", record_type="a/b", rows=lambda: [{"id": 1, "name": "canary" + "-name"}], key_columns=["id"], outlets=[NAMED]
    )

emits()
"""


def test_one_form():
    asset = create_asset(host="API.e3db.com", client_id=ID.upper(), record_type="a/b ü")
    assert asset.uri == f"e3db://api.e3db.com/{ID}/a%2Fb%20%C3%BC"
    assert Asset(f"e3db://api.e3db.com/{ID}/contact/").uri == f"e3db://api.e3db.com/{ID}/contact"


@pytest.mark.parametrize("uri", ["e3db://api.e3db.com/contact", f"e3db:///{ID}/contact", f"e3db://api.e3db.com/{ID}/a/b"])
def test_what_is_no_asset(uri):
    with pytest.raises(ValueError, match="an asset of E3DB is"):
        Asset(uri)


def test_those_who_wait_hear_of_counts(connected, run_dag, everything_stored):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    run = run_dag(DAG, "emits")
    assert run.states == {"write": "success"}, run.log
    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_dag_id == "emits")).all()
        told = {event.asset.uri: event.extra for event in events}
    host = connected.config.api_url.removeprefix("http://")
    assert set(told) == {"named", f"e3db://{host}/{connected.client_id}/a%2Fb"}
    for extra in told.values():
        assert {name: extra[name] for name in ("record_type", "created")} == {"record_type": "a/b", "created": 1}
    assert b"canary-name" not in everything_stored()


DELETING = """
from airflow.sdk import dag
from e3db_connectors.airflow.operators.delete import E3DBDeleteRecordsOperator
from e3db_connectors.airflow.operators.sharing import E3DBRevokeOperator, E3DBShareOperator

@dag(schedule=None, params={"ids": [], "reader_id": ""}, render_template_as_native_obj=True)
def emits_deletes():
    share = E3DBShareOperator(task_id="share", record_type="one", reader_id="{{ params.reader_id }}")
    revoke = E3DBRevokeOperator(task_id="revoke", record_type="one", reader_id="{{ params.reader_id }}")
    named = E3DBDeleteRecordsOperator(task_id="named", record_ids="{{ params.ids }}")
    fitting = E3DBDeleteRecordsOperator(task_id="fitting", record_type="one")
    share >> revoke >> named >> fitting

emits_deletes()
"""


def test_those_who_wait_hear_of_deletes_and_not_of_grants(connected, stranger, run_dag):
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    ids = [connected.write(record_type, {"n": "1"}).meta.record_id for record_type in ("one", "one", "two", "one")]
    run = run_dag(DELETING, "emits_deletes", run_conf={"ids": ids[:3], "reader_id": stranger.client_id})
    assert set(run.states.values()) == {"success"}, run.log
    with create_session() as session:
        events = session.scalars(select(AssetEvent).where(AssetEvent.source_dag_id == "emits_deletes")).all()
        told = sorted((event.source_task_id, event.asset.uri, event.extra["deleted"]) for event in events)
    one, two = (asset_of(connected, record_type).uri for record_type in ("one", "two"))
    assert told == [("fitting", one, 1), ("named", one, 2), ("named", two, 1)]


def test_what_a_hook_reads_writes_and_deletes_is_lineage(connected, stranger, monkeypatch):
    collector = HookLineageCollector()
    monkeypatch.setattr("e3db_connectors.airflow.hooks.e3db.get_hook_lineage_collector", lambda: collector)
    stranger.write("contact", {"n": "1"})
    stranger.share("contact", connected.client_id)
    with E3DBHook() as hook:
        hook.write_rows("contact", [{"id": 1}], ["id"])
        hook.delete_rows("gone", [{"id": 1}], ["id"])
        assert sum(len(page) for page in hook.search_pages(Search(include_all_writers=True, count=1).match(record_types="contact"))) == 2
    found = collector.collected_assets
    assert [each.asset.uri for each in found.outputs] == [asset_of(connected, each).uri for each in ("contact", "gone")]
    assert {each.asset.uri for each in found.inputs} == {asset_of(writer, "contact").uri for writer in (connected, stranger)}


def test_the_asset_as_openlineage_names_it():
    asset = create_asset(host="api.e3db.com", client_id=ID, record_type="a/b")
    named = convert_asset_to_openlineage(asset, None)
    assert (named.namespace, named.name) == ("e3db://api.e3db.com", f"{ID}/a%2Fb")
