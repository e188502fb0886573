"""The SDK's own tests for targets, against a running server, and what became of their rows: most of them only ask that nothing is raised."""

import json
from collections import defaultdict
from importlib.resources import files

import pytest
from singer_sdk.testing import get_target_test_class, target_test_streams
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.target_tests import TargetMultipleStateMessages, TargetRecordMissingRequiredProperty

from e3db_connectors.errors import UsageError
from e3db_connectors.singer.target import TargetE3DB
from e3db_connectors.sync.names import stream_name


class EveryState(TargetMultipleStateMessages):
    """The SDK keeps this one switched off, for its targets pass on the last state alone; here all come, if they are asked for."""

    def test(self):
        self.runner.sync_all()
        assert [tuple(state.values()) for state in self.runner.state_messages] == [(1, 0), (2, 1), (3, 2), (5, 3), (5, 6)]


class MissingRequiredProperty(TargetRecordMissingRequiredProperty):
    """A row that breaks its schema ends the run."""

    def test(self):
        with pytest.raises(UsageError, match=r"breaks its schema \(required\)"):
            super().test()


_standard = get_target_test_class(TargetE3DB, custom_suites=[SingerTestSuite("target", [EveryState, MissingRequiredProperty])])


@pytest.mark.usefixtures("target")  # it puts back the handlers of signals
class TestTargetE3DB(_standard):
    @pytest.fixture
    def runner(self, plugins):
        """Runs the target as the client of the test."""
        config = json.loads(plugins.target_config(state_interval_seconds=0).read_text())
        return TargetTestRunner(TargetE3DB, config=config)


def lines_of(name):
    return [json.loads(line) for line in (files(target_test_streams) / f"{name}.singer").read_text("utf-8").splitlines() if line]


def expected(lines):
    """The rows that are to be stored, by stream: of those of one key the last one."""
    keys, rows = {}, defaultdict(dict)
    for number, line in enumerate(lines):
        if line["type"] == "SCHEMA":
            keys[line["stream"]] = line.get("key_properties") or []
        elif line["type"] == "RECORD":
            row, key = line["record"], keys[line["stream"]]
            rows[line["stream"]][json.dumps([row[name] for name in key]) if key else number] = row
    return {stream: sorted(map(without_nulls, of_stream.values())) for stream, of_stream in rows.items()}


def without_nulls(row):
    return json.dumps({name: value for name, value in row.items() if value is not None}, sort_keys=True)


@pytest.mark.parametrize(
    "name",
    [
        "array_data",
        "camelcase",
        "camelcase_complex_schema",
        "duplicate_records",
        "encoded_string_data",
        "multiple_state_messages",
        "no_primary_keys",
        "no_primary_keys_append",
        "optional_attributes",
        "pk_updates",
        "record_missing_fields",
        "schema_updates",
        "special_chars_in_attributes",
        "user_location_data",
        "user_location_upsert_data",
    ],
)
def test_the_rows_of_the_sdks_examples_come_back(name, target, tap):
    lines = lines_of(name)
    target(*lines)
    output = tap(settle=False)
    for stream, rows in expected(lines).items():
        assert sorted(map(without_nulls, output.data(stream_name(stream)))) == rows
