"""docs/writing.md shows what works."""

import re
from pathlib import Path

from e3db_connectors.sync import failures
from e3db_connectors.sync.writing import DELETE_OUTCOMES, OUTCOMES

PAGE = (Path(__file__).parents[2] / "docs" / "writing.md").read_text(encoding="utf-8")


def test_its_code_runs(client):
    client.config.write()
    [block] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(block, "docs/writing.md", "exec"), {})  # noqa: S102 - what is tested
    assert sorted(record.data["name"] for record in client.query_all(record_type="people")) == ["Grace"]


def test_it_names_all_outcomes_and_what_can_be_done_about_errors():
    assert all(f"`{outcome}`" in PAGE for outcome in OUTCOMES + DELETE_OUTCOMES)
    assert re.findall(r"^\| `(\w+)`", PAGE, re.MULTILINE)[1:] == list(failures.ON_ERROR)
    assert f"`max_errors` ({failures.MAX_ERRORS})" in PAGE
