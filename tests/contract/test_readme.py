"""The README's Python example runs as it stands, but for the id of the client that is shared with."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"


def test_the_python_example_runs(client, stranger, monkeypatch, capsys):
    [example] = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for name, value in client.config().items():
        monkeypatch.setenv(f"E3DB_{name.upper()}", value)
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
    assert len(uuid.findall(example)) == 1
    exec(uuid.sub(stranger.client_id, example), {})  # noqa: S102 - the README's own words
    assert capsys.readouterr().out.endswith(" Ada\n")
    assert [share.record_type for share in stranger.incoming_sharing()] == ["contact"]
