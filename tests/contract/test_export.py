"""`e3db-connectors export`: a file whole or not at all, then only what has changed, and only what may be seen."""

import csv
import json
import stat
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from e3db_connectors.crypto import encoding
from e3db_connectors.errors import IntegrityError, LocalFileError, StateError, UsageError, ValueMismatch
from e3db_connectors.policy import Policy, Pseudonymiser
from e3db_connectors.sync import file_formats, schemas
from e3db_connectors.sync.export import Export

SCHEMA = {
    "name": {"type": ["string", "null"]},
    "count": {"type": ["integer", "null"]},
    "price": {"type": ["number", "null"]},
    "paid": {"type": ["boolean", "null"]},
    "tags": {"type": ["array", "null"]},
}
ROWS = [
    {"name": 'a "quoted", text\nof two lines', "count": "5", "price": "1.10", "paid": "true", "tags": '["x",{"y":1.50}]'},
    {"name": "", "count": str(2**70), "price": "1e400"},
    {"name": " blank ", "count": "-7.0", "paid": "false"},
]


NAMES = {"out.jsonl", "dead.jsonl", "ids", "missing", "credentials.json"}


@pytest.fixture
def shop(client):
    """Records of type ``shop`` with a schema."""
    schemas.remember(client, "shop", SCHEMA)
    for row in ROWS:
        client.write("shop", row)
    return client


@pytest.fixture
def make(client, tmp_path):
    """Describe an export of ``shop`` to a file of a name."""

    def export(name="out.jsonl", **options):
        return Export(client=client, **{"record_type": "shop", "destination": tmp_path / name, **options})

    return export


@pytest.fixture
def command(run, credentials_file):
    """Run ``export``, and say how it ended."""

    def call(*arguments, stdin=""):
        return run("e3db-connectors", "export", *arguments, "--credentials-file", credentials_file, stdin=stdin)

    return call


def lines(path):
    return [json.loads(line, parse_float=Decimal) for line in path.read_text(encoding="utf-8").splitlines()]


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def test_json_lines_keep_types_and_digits(shop, make, tmp_path):
    report = make().run()
    first, second, third = lines(tmp_path / "out.jsonl")
    assert (first["name"], first["count"], first["price"], first["paid"]) == (ROWS[0]["name"], 5, Decimal("1.10"), True)
    assert first["tags"] == ["x", {"y": Decimal("1.50")}]
    assert '"price":1.10,' in (tmp_path / "out.jsonl").read_text()
    assert (second["name"], second["count"], second["price"], second["tags"]) == ("", 2**70, Decimal("1e400"), None)
    assert third["count"] == -7
    assert first["_e3db_writer_id"] == shop.client_id
    assert (report.rows, report.record_type) == (3, "shop")
    assert report.requests > 0 < report.bytes_received
    assert (report.fields.decrypted, report.columns["name"].decrypted) == (11, 3)
    assert stat.S_IMODE((tmp_path / "out.jsonl").stat().st_mode) == 0o600


@pytest.mark.usefixtures("shop")
def test_csv_tells_null_from_empty_and_writes_objects_as_json(make, tmp_path):
    make("out.csv", columns=["name", "count", "paid", "tags"]).run()
    text = (tmp_path / "out.csv").read_bytes().decode()
    head, *rows = csv.reader(text.splitlines(keepends=True))
    assert head == ["_e3db_record_id", "name", "count", "paid", "tags"]
    assert rows[0][1:] == [ROWS[0]["name"], "5", "true", '["x",{"y":1.50}]']
    assert rows[1][1:] == ["", str(2**70), "", ""]
    assert rows[2][1:] == [" blank ", "-7.0", "false", ""]
    assert text.splitlines()[3].endswith(f',"",{2**70},,')


def test_parquet_has_typed_columns(shop, make, tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    for record in shop.query(record_type="shop"):
        if record.data["name"] == "":
            shop.update(type(record)(record.meta, {"name": "", "count": str(-(2**63)), "price": "2"}))
    monkeypatch.setattr(file_formats, "ROW_GROUP", 2)
    make("out.parquet").run()
    table = parquet.read_table(tmp_path / "out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert {name: types[name] for name in SCHEMA} == {
        "name": "string",
        "count": "int64",
        "price": "double",
        "paid": "bool",
        "tags": "string",
    }
    assert types["_e3db_created"] == types["_e3db_last_modified"] == "timestamp[us, tz=UTC]"
    rows = {row["name"]: row for row in table.to_pylist()}
    first = rows[ROWS[0]["name"]]
    assert (first["count"], first["price"], first["paid"], first["tags"]) == (5, 1.1, True, '["x",{"y":1.50}]')
    assert (rows[""]["count"], rows[" blank "]["count"], rows[" blank "]["price"]) == (-(2**63), -7, None)
    assert first["_e3db_plain"] == "{}"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("columns", [["count"], ["price"]])
def test_what_parquet_cannot_hold_is_an_error_and_leaves_no_file(columns, make, tmp_path):
    with pytest.raises(ValueMismatch, match=f"column {columns[0]}: this number is too large for Parquet"):
        make("out.parquet", columns=columns).run()
    assert not (tmp_path / "out.parquet").exists()
    assert files(tmp_path) == []


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(("on_error", "code"), [("fail", 1), ("skip", 0), ("dead-letter", 0)])
def test_what_parquet_cannot_hold_is_left_out_as_on_error_says(on_error, code, command, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    options = ("--dead-letter-file", tmp_path / "dead.jsonl") if on_error == "dead-letter" else ()
    arguments = ("shop", "--to", tmp_path / "out.parquet", "--column", "count", "--state", tmp_path / "state", "--on-error", on_error)
    done = command(*arguments, *options)
    assert done.returncode == code, done.stderr
    if code:
        assert "column count: this number is too large for Parquet" in done.stderr
        assert files(tmp_path) == ["credentials.json"]
        return
    assert done.stdout.startswith("wrote 2 records")
    assert "left out 1" in done.stdout
    assert parquet.read_table(tmp_path / "out.parquet")["count"].to_pylist() == [5, -7]
    if options:
        assert [letter["error"] for letter in lines(tmp_path / "dead.jsonl")] == ["ValueMismatch"]


@pytest.mark.usefixtures("shop")
def test_a_missing_pyarrow_is_said(make, tmp_path, monkeypatch):
    def importing(name):
        raise ImportError(name)

    monkeypatch.setattr(file_formats, "import_module", importing)
    with pytest.raises(UsageError, match=r"pip install 'e3db-connectors\[export\]'"):
        make("out.parquet").run()
    assert files(tmp_path) == []


def test_a_type_without_records_is_an_empty_file(make, tmp_path):
    assert make("out.csv").run().rows == 0
    assert (tmp_path / "out.csv").read_text().startswith("_e3db_record_id,")
    assert make("out.jsonl").run().rows == 0
    assert (tmp_path / "out.jsonl").read_bytes() == b""


def test_with_a_state_only_what_has_changed_moves(shop, make, tmp_path):
    state = tmp_path / "state.json"
    first = make("1.jsonl", state_file=state).run()
    assert (first.rows, first.state_before) == (3, None)
    assert json.loads(state.read_text()) == first.state_after
    second = make("2.jsonl", state_file=state).run()
    assert (second.rows, (tmp_path / "2.jsonl").read_bytes()) == (0, b"")
    assert second.state_before == first.state_after
    record = next(record for record in shop.query(record_type="shop") if record.data["name"] == " blank ")
    record.data["name"] = "changed"
    shop.update(record)
    shop.write("shop", {"name": "new"})
    make("3.jsonl", state_file=state).run()
    assert sorted(row["name"] for row in lines(tmp_path / "3.jsonl")) == ["changed", "new"]
    assert "blank" not in state.read_text()


def test_the_state_moves_only_after_the_file_is_there(shop, make, tmp_path):
    state = tmp_path / "state.json"
    make("1.jsonl", state_file=state).run()
    before = state.read_bytes()
    shop.write("shop", {"name": "x", "count": "no number"})
    with pytest.raises(ValueMismatch, match="column count") as caught:
        make("2.jsonl", state_file=state).run()
    assert "no number" not in str(caught.value)
    assert state.read_bytes() == before
    assert files(tmp_path) == ["1.jsonl", "state.json"]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"a"', b"\xff", b'{"replication_key_value": "yesterday"}', b"[" * 100_000])
def test_a_file_that_is_no_state_is_refused(text, make, tmp_path):
    (tmp_path / "state.json").write_bytes(text)
    with pytest.raises(StateError):
        make(state_file=tmp_path / "state.json").run()
    assert files(tmp_path) == ["state.json"]
    assert (tmp_path / "state.json").read_bytes() == text


def test_a_state_of_another_type_is_refused(make, tmp_path):
    make("1.jsonl", state_file=tmp_path / "state.json").run()
    with pytest.raises(StateError, match="another record type"):
        make("2.jsonl", record_type="other", state_file=tmp_path / "state.json").run()


def test_a_type_without_records_is_told(command, tmp_path):
    done = command("shpo", "--to", tmp_path / "out.csv", "--state", tmp_path / "state.json")
    assert done.returncode == 0
    assert "no record of type shpo" in done.stderr
    assert command("shpo", "--to", tmp_path / "2.csv", "--state", tmp_path / "state.json").stderr == ""


@pytest.mark.usefixtures("shop")
def test_a_state_that_is_none_is_refused_also_before_progress_is_told(command, tmp_path):
    (tmp_path / "state.json").write_text('{"replication_key": "_e3db_last_modified", "replication_key_value": 5}')
    done = command("shop", "--to", tmp_path / "out.jsonl", "--state", tmp_path / "state.json", "--progress", "log")
    assert done.returncode == 1
    assert "'5' is no time" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("shop")
def test_what_is_there_is_not_overwritten_unless_asked_for(make, tmp_path):
    (tmp_path / "out.jsonl").write_text("precious")
    with pytest.raises(LocalFileError, match="exists already"):
        make().run()
    assert (tmp_path / "out.jsonl").read_text() == "precious"
    assert make(overwrite=True).run().rows == 3
    assert len(lines(tmp_path / "out.jsonl")) == 3
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(LocalFileError, match="no regular file"):
        make("folder.csv", overwrite=True).run()


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("out.xlsx", {}, "must end in one of .jsonl, .csv, .parquet"),
        ("out.jsonl", {"columns": ["nmae"]}, "shop has no column nmae.* it has .*name"),
        ("none/out.jsonl", {}, "cannot write"),
        ("out.jsonl", {"policy": Policy.from_value({"rules": [{"rule": "drop", "column": "nmae"}]})}, r"rules\[0\].column"),
        ("out.jsonl", {"policy": Policy(default="drop"), "columns": ["name"]}, "or the policy drops it"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(name, options, words, make, tmp_path):
    with pytest.raises((UsageError, LocalFileError), match=words):
        make(name, **options).run()
    assert files(tmp_path) == []


@pytest.mark.usefixtures("shop")
def test_state_and_report_need_files_of_their_own(make, command, tmp_path):
    with pytest.raises(UsageError, match="a file of its own"):
        make(state_file=tmp_path / "home" / ".." / "out.jsonl").run()
    with pytest.raises(LocalFileError, match="no such folder"):
        make(state_file=tmp_path / "none" / "state.json").run()
    done = command("shop", "--to", tmp_path / "out.jsonl", "--report", tmp_path / "home" / ".." / "out.jsonl")
    assert "the report needs a file of its own" in done.stderr
    assert files(tmp_path) == ["credentials.json"]


def test_others_records_come_when_asked_for(shop, stranger, make, tmp_path):
    stranger.write("shop", {"name": "theirs"})
    stranger.share("shop", shop.client_id)
    assert make("1.jsonl").run().rows == 3
    assert make("2.jsonl", all_writers=True).run().rows == 4
    assert "theirs" in (tmp_path / "2.jsonl").read_text()


@pytest.fixture
def spoiled(shop, server):
    """Two records of ``shop`` that cannot be shown: one does not open, one does not fit its column."""
    sealed = shop.write("shop", {"name": "sealed", "count": "1"}).meta.record_id
    with server.database() as database:
        statement = text("UPDATE records SET data = replace(data, '.', '.AAAA') WHERE record_id = :id")
        database.execute(statement, {"id": sealed})
    return sealed, shop.write("shop", {"name": "unfit", "count": "no number"}).meta.record_id


@pytest.mark.usefixtures("spoiled")
def test_a_bad_record_ends_the_export_unless_told_otherwise(make, tmp_path):
    with pytest.raises((IntegrityError, ValueMismatch)):
        make(state_file=tmp_path / "state.json").run()
    assert files(tmp_path) == []


def test_bad_records_are_left_out_and_read_again_by_their_ids(shop, spoiled, command, tmp_path):
    sealed, unfit = spoiled
    dead, report = tmp_path / "dead.jsonl", tmp_path / "report.json"
    options = ("--on-error", "dead-letter", "--dead-letter-file", dead, "--state", tmp_path / "state", "--report", report)
    done = command("shop", "--to", tmp_path / "1.jsonl", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"wrote 3 records to {tmp_path / '1.jsonl'}, left out 2\n"
    letters = {letter["record_id"]: letter["error"] for letter in lines(dead)}
    assert letters == {sealed: "EncodingError", unfit: "ValueMismatch"}
    assert json.loads(report.read_text())["errors"] == {"EncodingError": 1, "ValueMismatch": 1}
    assert all(record_id in done.stderr for record_id in spoiled)
    assert "no number" not in done.stderr + dead.read_text()
    assert command("shop", "--to", tmp_path / "2.jsonl", *options).stdout.startswith("wrote 0 records")

    record = shop.read(unfit)
    shop.update(type(record)(record.meta, {**record.data, "count": "7"}))
    shop.delete(sealed)
    again = command("shop", "--to", tmp_path / "3.jsonl", "--record-ids-file", dead)
    assert again.stdout.startswith("wrote 1 records")
    assert "1 of 2 records are not there" in again.stderr
    assert [(row["_e3db_record_id"], row["count"]) for row in lines(tmp_path / "3.jsonl")] == [(unfit, 7)]


@pytest.mark.usefixtures("spoiled")
def test_too_many_bad_records_end_the_export(command, tmp_path):
    failed = command("shop", "--to", tmp_path / "out.jsonl", "--on-error", "skip", "--max-errors", "1")
    assert (failed.returncode, files(tmp_path)) == (1, ["credentials.json"])
    assert "more than 1 records could not be read" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_records_of_others_are_read_by_their_ids(shop, stranger, make, tmp_path):
    theirs = stranger.write("shop", {"name": "theirs"})
    stranger.share("shop", shop.client_id)
    own = next(iter(shop.query(record_type="shop")))
    report = make(record_ids=[theirs.meta.record_id, own.meta.record_id]).run()
    assert report.rows == 2
    assert {row["name"] for row in lines(tmp_path / "out.jsonl")} == {"theirs", own.data["name"]}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--on-error", "dead-letter"), "dead_letter_file goes with"),
        (("--dead-letter-file", "dead.jsonl"), "dead_letter_file goes with"),
        (("--on-error", "dead-letter", "--dead-letter-file", "out.jsonl"), "the list of dead letters needs a file of its own"),
        (("--record-ids-file", "out.jsonl"), "the export needs a file of its own"),
        (("--record-ids-file", "missing"), "cannot read"),
        (("--record-ids-file", "credentials.json"), "without the id of a record"),
        (("--record-ids-file", "ids", "--since", "2026-01-01T00:00:00Z"), "they go with no state"),
    ],
)
def test_options_that_do_not_go_together_are_told(options, words, command, tmp_path):
    (tmp_path / "ids").touch()
    failed = command("shop", "--to", tmp_path / "out.jsonl", *(tmp_path / each if each in NAMES else each for each in options))
    assert (failed.returncode, len(failed.stderr.splitlines())) == (1, 1)
    assert words in failed.stderr
    assert files(tmp_path) == ["credentials.json", "ids"]


def test_the_command_exports_reports_and_obeys_the_policy(shop, command, tmp_path, monkeypatch):
    key = bytes(range(32))
    monkeypatch.setenv("E3DB_PSEUDONYM_KEY", encoding.encode(key))
    rules = [
        {"rule": "pseudonym", "column": "name"},
        {"rule": "constant", "column": "price", "value": 0},
        {"rule": "ciphertext", "column": "tags"},
    ]
    (tmp_path / "policy.json").write_text(json.dumps({"rules": rules, "default": "drop"}))
    done = command("shop", "--to", tmp_path / "out.jsonl", "--policy", tmp_path / "policy.json", "--report", "-", "--progress", "log")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rows = lines(tmp_path / "out.jsonl")
    made = Pseudonymiser(key)
    assert [row["name"] for row in rows] == [made.pseudonym(row["name"], made.domain()) for row in ROWS]
    assert {row["price"] for row in rows} == {0}
    assert rows[0]["tags"].count(".") == 3
    assert "paid" not in rows[0]
    assert report["fields"] == {"decrypted": 0, "pseudonymised": 3, "passed_through": 1, "untouched": 7}
    assert "shop: 3 of 3 records" in done.stderr
    monkeypatch.delenv("E3DB_PSEUDONYM_KEY")
    again = ("shop", "--to", tmp_path / "2.jsonl", "--policy", tmp_path / "policy.json")
    failed = command(*again)
    assert (failed.returncode, len(failed.stderr.splitlines())) == (1, 1)
    assert "pseudonym_key" in failed.stderr
    assert command(*again, "--pseudonym-key-file", "-", stdin=encoding.encode(key) + "\n").returncode == 0
    assert [row["name"] for row in lines(tmp_path / "2.jsonl")] == [row["name"] for row in rows]
    assert shop.config.private_key.reveal() not in done.stdout + done.stderr


@pytest.mark.usefixtures("shop")
def test_the_command_goes_on_where_it_was(command, tmp_path):
    options = ("--state", tmp_path / "state", "--column", "name", "--progress", "bar", "--report", tmp_path / "report.json")
    first = command("shop", "--to", tmp_path / "1.csv", *options)
    assert first.stdout == f"wrote 3 records to {tmp_path / '1.csv'}\n"
    assert "3/3" in first.stderr
    second = command("shop", "--to", tmp_path / "2.csv", *options)
    assert second.stdout.startswith("wrote 0 records")
    assert (tmp_path / "2.csv").read_bytes() == b"_e3db_record_id,name\r\n"
    assert json.loads((tmp_path / "report.json").read_text())["rows"] == 0


def test_ended_from_outside_it_leaves_nothing_behind(client, credentials_file, tmp_path):
    for number in range(40):
        client.write("slow", {"n": str(number)})
    script = (
        "import sys, time\n"
        "from e3db_connectors.cli import main\n"
        "from e3db_connectors.sync.file_formats import JsonLines\n"
        "write = JsonLines.write\n"
        "def slowly(self, rows):\n"
        "    write(self, rows)\n"
        "    self._file.flush()\n"
        "    if rows:\n"
        "        time.sleep(60)\n"
        "JsonLines.write = slowly\n"
        "main()\n"
    )
    arguments = ["export", "slow", "--to", str(tmp_path / "out.jsonl"), "--credentials-file", str(credentials_file)]
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in Path(tmp_path).glob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    [part] = [name for name in files(tmp_path) if name.endswith(".part")]
    assert stat.S_IMODE((tmp_path / part).stat().st_mode) == 0o600
    process.terminate()
    assert process.wait(60) == 143
    assert files(tmp_path) == ["credentials.json"]
