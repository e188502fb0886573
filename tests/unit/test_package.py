"""The package as its users import it."""

import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest

import e3db_connectors

HEAVY = ("airflow", "singer_sdk", "starlette", "sqlalchemy", "requests", "nacl", "click")


def loaded_after(statement):
    code = f"import sys; {statement}; print(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import e3db_connectors",
        "from e3db_connectors.airflow.get_provider_info import get_provider_info; get_provider_info()",
    ],
)
def test_a_bare_import_loads_nothing_heavy(statement):
    assert loaded_after(statement) == []


def test_the_client_loads_no_framework():
    assert loaded_after("from e3db_connectors import Client, Config, Search, Record, errors") == ["requests", "nacl"]


def test_public_names_are_sorted_and_there():
    assert e3db_connectors.__all__ == sorted(e3db_connectors.__all__)
    for name in e3db_connectors.__all__:
        assert getattr(e3db_connectors, name) is not None
    assert set(e3db_connectors.__all__) <= set(dir(e3db_connectors))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        e3db_connectors.nonsense  # noqa: B018 - the access is the test


def test_the_version_is_the_distributions():
    assert e3db_connectors.__version__ == version("e3db-connectors")


def test_every_entry_point_loads():
    for group in ("console_scripts", "apache_airflow_provider"):
        ours = [point for point in entry_points(group=group) if point.value.startswith("e3db_connectors")]
        assert ours
        for point in ours:
            assert callable(point.load())
