"""Rows as files come back as they were."""

import csv
import errno
import io
import json
import os
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e3db_connectors.errors import LocalFileError
from e3db_connectors.sync.atomic import written_whole
from e3db_connectors.sync.file_formats import FORMATS, row_file

COLUMNS = {
    "_e3db_record_id": {"type": "string"},
    "text": {"type": ["string", "null"]},
    "number": {"type": ["integer", "null"]},
    "flag": {"type": "boolean"},
    "any": {},
}
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=5
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "_e3db_record_id": texts,
            "text": st.none() | texts,
            "number": st.none() | st.integers(-(2**63), 2**63 - 1),
            "flag": st.none() | st.booleans(),
            "any": anything,
        }
    ),
    max_size=5,
)


def written(suffix, given_rows):
    file = io.BytesIO()
    with row_file(FORMATS[suffix], file, COLUMNS) as target:
        for row in given_rows:
            target.write([row])
    return file.getvalue()


def cell(value):
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(rows)
def test_json_lines(given_rows):
    assert [json.loads(line) for line in written(".jsonl", given_rows).split(b"\n")[:-1]] == given_rows


@given(rows)
def test_csv(given_rows):
    head, *lines = csv.reader(io.StringIO(written(".csv", given_rows).decode(), newline=""), strict=True)
    assert head == list(COLUMNS)
    assert lines == [[cell(row[column]) for column in COLUMNS] for row in given_rows]


def test_csv_tells_null_from_an_empty_text():
    row = dict.fromkeys(COLUMNS, "")
    assert written(".csv", [row, dict.fromkeys(COLUMNS)]).split(b"\r\n")[1:] == [b'"","","","",""', b",,,,", b""]


@given(rows)
def test_parquet(given_rows):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(written(".parquet", given_rows)))
    as_text = [{**row, "any": row["any"] if row["any"] is None else cell(row["any"])} for row in given_rows]
    assert table.to_pylist() == as_text
    assert table.column_names == list(COLUMNS)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_numbers_keep_their_digits(suffix):
    row = {**dict.fromkeys(COLUMNS), "any": Decimal("100000000000000000000.000000000000000001"), "number": 2**100}
    assert b"100000000000000000000.000000000000000001" in written(suffix, [row])
    assert str(2**100).encode() in written(suffix, [row])


def test_a_disk_that_is_full_leaves_nothing(tmp_path, monkeypatch):
    def fsync(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with (
        pytest.raises(LocalFileError, match=r"cannot write .*out: No space left"),
        written_whole(tmp_path / "out", overwrite=False) as file,
    ):
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_what_has_appeared_meanwhile_is_not_overwritten(tmp_path):
    writing = written_whole(tmp_path / "out", overwrite=False)
    writing.__enter__().write(b"x")
    (tmp_path / "out").write_bytes(b"other")
    with pytest.raises(LocalFileError, match="exists already"):
        writing.__exit__(None, None, None)
    assert (tmp_path / "out").read_bytes() == b"other"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out"]
