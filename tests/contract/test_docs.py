"""What the documentation shows works, and its tables say what the code says."""

import re
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from e3db_connectors import errors
from e3db_connectors.client import retries
from e3db_connectors.client.replies import REPLY_MAX
from e3db_connectors.errors import Recovery
from e3db_connectors.wire import limits

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "client.md").read_text(encoding="utf-8")


@pytest.fixture
def colleague(server):
    with server.register("colleague") as made:
        yield made


def test_the_code_of_the_clients_page_runs(client, colleague, stranger, server, registration_token, tmp_path, monkeypatch):
    client.config.write()
    monkeypatch.chdir(tmp_path)
    names = {"token": registration_token, "api_url": server.url, "colleague": colleague, "colleague_id": colleague.client_id}
    names |= {"third_id": stranger.client_id, "note_name": f"note-{uuid4()}"}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/client.md, block {number}", "exec"), names)  # noqa: S102 - what is tested
    for name in ("client", "pipeline", "signing"):
        names[name].close()
    assert len(blocks) > 12


def test_the_table_of_errors_is_complete():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.E3DBError)}
    bases = {errors.E3DBError, errors.APIError}
    for recovery in Recovery:
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{recovery.name}` |"))
        named = set(re.findall(r"`(\w+)`", row)) - {recovery.name}
        assert named == {kind.__name__ for kind in kinds - bases if kind.recovery is recovery}, recovery


def test_the_table_of_limits_is_true():
    def row(words):
        return next(line for line in PAGE.splitlines() if line.startswith(f"| {words}"))

    for words, value in {
        "request body": f"{limits.BODY_MAX >> 20} MiB",
        "reply": f"{REPLY_MAX >> 20} MiB",
        "records of a page": f"{limits.PAGE_MAX:,}",
        "results of a search": f"{limits.SEARCH_WINDOW:,}",
        "characters of a record type": f"{limits.TYPE_MAX}",
        "a large file": f"{limits.FILE_MAX >> 30} GiB",
        "a note": f"{limits.NOTE_MAX >> 10} KiB",
        "one call": f"{retries.BUDGET_SECONDS:.0f} seconds",
    }.items():
        assert row(words).endswith(f"| {value} |"), words


def test_the_code_of_the_page_on_policies_runs(client, tmp_path, monkeypatch, capsys):
    page = (DOCS / "policy.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    policy = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[0]
    client.config.write()
    client.write("contact", {name: f"{name}-1234" for name in ("email", "iban", "born", "note", "name")})
    (tmp_path / "policy.json").write_text(policy)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("E3DB_PSEUDONYM_KEY", "A" * 43)
    exec(compile(code, "docs/policy.md", "exec"), {})  # noqa: S102 - what is tested
    shown = capsys.readouterr().out
    assert "*****1234" in shown
    assert "'email': 'p1." in shown
    assert "'name': 'name-1234'" in shown


@pytest.fixture
def example(client, tmp_path):
    """Run an example as `client`; its output."""
    client.config.write()

    def run(name, *arguments, stdin=""):
        command = [sys.executable, str(DOCS / "examples" / name), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path, input=stdin).stdout

    return run


def test_bulk_load(example, client, tmp_path):
    (tmp_path / "rows.csv").write_text("id,name\n1,Ada\n2,Grace\n")
    for _ in range(2):
        assert example("bulk_load.py", "rows.csv", "customer", "id") == "2 rows are there, 0 failed\n"
    assert sorted(record.data["name"] for record in client.query(record_type="customer")) == ["Ada", "Grace"]


def test_share_with_a_colleague(example, colleague):
    arguments = ("share_with_a_colleague.py", "contact", colleague.client_id)
    assert colleague.client_id in example(*arguments, colleague.config.public_key)
    with pytest.raises(subprocess.CalledProcessError):
        example(*arguments, type(colleague).generate_keypair().public)


def test_changes_since(example, client):
    client.write("contact", {"name": "Ada", "phone": "555"})
    assert example("changes_since.py", "contact", "2026-01-01T00:00:00+00:00", "name").endswith("Ada\n")
    assert example("changes_since.py", "contact", "2100-01-01T00:00:00+00:00", "name") == ""


def test_send_a_file(example, colleague, tmp_path):
    colleague.config.write("work")
    (tmp_path / "report.pdf").write_bytes(b"x" * 1000)
    assert "1000 bytes" in example("send_a_file.py", "report.pdf", "work")
    assert (tmp_path / "report.received").read_bytes() == b"x" * 1000


def test_one_time_secret(example, client):
    note_id = example("one_time_secret.py", "send", client.config.public_key, client.config.public_signing_key, stdin="swordfish\n").strip()
    assert example("one_time_secret.py", "read", note_id, client.config.public_signing_key) == "swordfish\n"
    with pytest.raises(subprocess.CalledProcessError):
        example("one_time_secret.py", "read", note_id, client.config.public_signing_key)


def test_every_example_is_run():
    source = Path(__file__).read_text(encoding="utf-8")
    for path in (DOCS / "examples").glob("*.py"):
        assert f'"{path.name}"' in source
