"""What only the original Python SDK does: profile files, NIST records, and its own tests."""

import os
import subprocess
import xml.etree.ElementTree as ET

import pytest

from e3db_connectors import Client, Config

DATA = {"name": "Zoë", "empty": "", "text": "two\nlines 🗝"}


@pytest.fixture
def sdk():
    return "python"


@pytest.mark.parametrize("profile", [None, "work"])
def test_profiles_of_ours_are_loaded_by_theirs(client, original, profile):
    client.config.write(profile)
    record_id = client.write("note", DATA).meta.record_id
    driver = original("python")
    driver.load_profile(profile=profile or "")
    assert driver.read(record_id=record_id)["data"] == DATA


@pytest.mark.parametrize("profile", [None, "work"])
@pytest.mark.filterwarnings("ignore:.*others can read:UserWarning")  # theirs does not restrict the file's mode
def test_profiles_of_theirs_are_loaded_by_ours(client, theirs, profile):
    record_id = theirs.write(record_type="note", data=DATA)["record_id"]
    theirs.write_profile(profile=profile or "")
    with Client(Config.load(profile)) as loaded:
        assert loaded.config == client.config
        assert loaded.read(record_id).data == DATA


@pytest.fixture
def nist(server, registration_token):
    """Register a client with keys of the NIST suite."""
    return lambda name: Client(Client.register(registration_token, name, api_url=server.url, crypto_suite="nist").config)


def test_nist_records(nist, original):
    with nist("writer") as writer, nist("reader") as reader:
        record_id = writer.write("sealed", DATA).meta.record_id
        same = original("python", writer.config, CRYPTO_SUITE="NIST")
        assert same.read(record_id=record_id)["data"] == DATA
        writer.share("sealed", reader.client_id)
        assert original("python", reader.config, CRYPTO_SUITE="NIST").read(record_id=record_id)["data"] == DATA


def test_nist_sharing_by_theirs(nist, original):
    with nist("writer") as writer, nist("reader") as reader:
        theirs = original("python", writer.config, CRYPTO_SUITE="NIST")
        theirs.share(record_type="sealed", reader_id=reader.client_id)  # this makes the access key, too
        record_id = writer.write("sealed", DATA).meta.record_id
        assert reader.read(record_id).data == DATA


def test_nist_records_of_theirs(nist, original):
    with nist("writer") as writer:
        theirs = original("python", writer.config, CRYPTO_SUITE="NIST")
        written = theirs.write(record_type="sealed", data=DATA, as_bytes=True)  # it encrypts nothing else in this suite
        assert writer.read(written["record_id"]).data == DATA


MODULES = [
    "test_tsv1_auth",
    "test_crypto",
    "test_identity",
    "test_notes",
    "test_share_integration",
    "test_search_integration",
    "test_integration",
]


@pytest.mark.timeout(580)
@pytest.mark.parametrize("module", MODULES)
def test_its_own_tests_pass_against_our_server(server, registration_token, interop_python, tmp_path, module):
    report = tmp_path / "report.xml"
    # The search tests write times of this zone into their expectations; in UTC some fail whatever the server does.
    variables = {"REGISTRATION_TOKEN": registration_token, "DEFAULT_API_URL": server.url, "TZ": "America/Phoenix"}
    quiet = ["-q", "--tb=no", "--show-capture=no"]  # a traceback would show its source
    command = [interop_python, "-m", "pytest", *quiet, "-p", "no:cacheprovider", f"--junitxml={report}", "--pyargs", f"e3db.tests.{module}"]
    ended = subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, timeout=570, check=False)
    assert report.exists(), ended.stdout + ended.stderr
    cases = ET.parse(report).findall(".//testcase")  # noqa: S314 - pytest's own report
    failed = [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    passed = [case for case in cases if case.find("failure") is None and case.find("error") is None and case.find("skipped") is None]
    assert not failed, f"{len(passed)} of {len(cases)} passed; failed: {', '.join(failed)}"
    assert passed
