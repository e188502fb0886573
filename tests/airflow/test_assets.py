"""Records as assets, and what those hear who wait for them."""

import pytest
from airflow.sdk import Asset
from airflow.sdk.lineage import HookLineageCollector

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


def test_rows_that_a_hook_writes_are_lineage(connected, monkeypatch):
    collector = HookLineageCollector()
    monkeypatch.setattr("e3db_connectors.airflow.hooks.e3db.get_hook_lineage_collector", lambda: collector)
    with E3DBHook() as hook:
        hook.write_rows("contact", [{"id": 1}], ["id"])
    assert [output.asset.uri for output in collector.collected_assets.outputs] == [asset_of(connected, "contact").uri]


def test_the_asset_as_openlineage_names_it(monkeypatch):
    # OpenLineage is not installed here: its place is taken.
    monkeypatch.setattr("airflow.providers.common.compat.openlineage.facet.Dataset", lambda **named: named)
    asset = create_asset(host="api.e3db.com", client_id=ID, record_type="a/b")
    assert convert_asset_to_openlineage(asset, None) == {"namespace": "e3db://api.e3db.com", "name": f"{ID}/a%2Fb"}
