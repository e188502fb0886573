"""What Airflow makes of the provider."""

import json
from importlib import import_module
from importlib.resources import files

import jsonschema
from airflow.providers_manager import ProvidersManager
from airflow.sdk.log import redact
from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

from e3db_connectors.airflow.get_provider_info import get_provider_info

[TYPE] = get_provider_info()["connection-types"]


def test_airflow_finds_the_provider_and_its_connection_type():

    assert "e3db-connectors" in ProvidersManager().providers
    assert ProvidersManagerTaskRuntime().hooks["e3db"].hook_name == "E3DB"


def test_the_form_is_as_airflows_schema_wants_it():
    schema = json.loads((files("airflow") / "provider.yaml.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate([TYPE], schema["properties"]["connection-types"])


def test_airflow_masks_each_secret_field_by_its_name():
    fields = {name: "a-value-to-be-hidden" for name, field in TYPE["conn-fields"].items() if field["schema"].get("format") == "password"}
    assert len(fields) == 3
    assert set(redact(fields).values()) == {"***"}


def test_every_module_that_is_listed_is_there():
    info = get_provider_info()
    modules = [
        name for kind in ("hooks", "operators", "sensors", "triggers") for each in info.get(kind, ()) for name in each["python-modules"]
    ]
    modules += [each["python-module"] for each in info["transfers"]]
    assert modules
    for name in modules:
        import_module(name)
