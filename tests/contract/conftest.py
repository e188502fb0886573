"""Raw HTTP beside the client, for what a well-behaved client never sends; and a server whose clock a test moves."""

import re
import sys
from contextlib import contextmanager

import pytest
import requests
from sqlalchemy import create_engine


class Caller:
    """Sends requests as they are, as one client or as nobody: nothing is checked, repeated or redirected."""

    def __init__(self, session, url, token=""):
        self.session, self.url, self.token = session, url, token

    def __call__(self, method, path, headers=None, **options):
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.session.request(
            method, self.url + path, headers={**bearer, **(headers or {})}, allow_redirects=False, timeout=30, **options
        )


@pytest.fixture(scope="session")
def session():
    with requests.Session() as made:
        made.trust_env = False  # no proxy, and no credentials from ~/.netrc
        yield made


@pytest.fixture
def http(session, server):
    """Calls as nobody."""
    return Caller(session, server.url)


@pytest.fixture(scope="session")
def call_as(session):
    """Make a `Caller` for a client, at that client's own server."""

    def sign_in(client):
        config = client.config
        answer = Caller(session, config.api_url)("POST", "/v1/auth/token", auth=(config.api_key_id, config.api_secret))
        return Caller(session, config.api_url, answer.json()["access_token"])

    return sign_in


@pytest.fixture
def call(call_as, client):
    """Calls as `client`."""
    return call_as(client)


@pytest.fixture
def upload(client):
    """Make the body of a write by `client`; further meta members by name."""

    def body(data=None, **meta):
        return {"meta": {"writer_id": client.client_id, "user_id": client.client_id, "type": "note", **meta}, "data": data or {}}

    return body


@pytest.fixture(
    params=["plain", "two words", 'it\'s "quoted"', "a/b//c", "what?#&+;=", "50%25", "naïve", "日本語 🗝", "record_type_b'6a6f'", "x" * 255],
    ids=["plain", "spaces", "quotes", "slashes", "reserved", "percent", "latin", "unicode", "bytes-like", "long"],
)
def odd_type(request):
    """A record type that has to survive the path of a URL."""
    return request.param


@pytest.fixture(scope="session")
def wire_time():
    """The form of a time: six fraction digits, never all zero."""
    return re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(?!000000)\d{6}Z")


@pytest.fixture
def search(call):
    """Run a raw v2 search as `client`; its members by name."""
    return lambda **body: call("POST", "/v2/search", json=body)


@pytest.fixture
def found(client):
    """The `n` of plain of what a `Search` finds, in its order."""

    def names(search):
        return [record.meta.plain["n"] for record in client.search(search)]

    return names


@pytest.fixture
def raw_found(search):
    """The same of a raw search."""
    return lambda **body: [result["meta"]["plain"]["n"] for result in search(**body).json()["results"]]


@pytest.fixture
def three_records(client):
    """Three records, by the `n` of their plain."""
    return {
        "1": client.write("note", {"a": "one"}, {"n": "1", "city": "Porto", "mood": "good"}),
        "2": client.write("note", {"a": "two"}, {"n": "2", "city": "Porto", "mood": "bad"}),
        "3": client.write("list", {"a": "three"}, {"n": "3", "city": "Braga", "good": "Porto"}),
    }


MOVED = """
import sys, time
from pathlib import Path
ahead, real = Path(sys.argv.pop(1)), time.time_ns
time.time_ns = lambda: real() + int(ahead.read_text())
from e3db_connectors.cli import main
main()
"""

MOVED_DATABASE = """
CREATE SCHEMA moved;
CREATE TABLE moved.ahead (seconds double precision);
INSERT INTO moved.ahead VALUES (0);
CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM moved.ahead';
DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET search_path = public, pg_catalog', current_database()); END $$;
"""


class MovableClock:
    """The clock of a server: the machine's, or the database's, and what a test has added to it."""

    def __init__(self, folder, url):
        self._ahead, self._path = 0.0, folder / "ahead"
        self._path.write_text("0")
        self._database = None if url.startswith("sqlite") else create_engine(url)
        self._execute(MOVED_DATABASE)

    def go_on(self, seconds):
        self._ahead += seconds
        part = self._path.with_suffix(".part")
        part.write_text(str(int(self._ahead * 10**9)))
        part.replace(self._path)
        self._execute("UPDATE moved.ahead SET seconds = %(ahead)s", {"ahead": self._ahead})

    def _execute(self, statement, parameters=None):
        if self._database:
            with self._database.begin() as connection:
                connection.exec_driver_sql(statement, parameters)

    def close(self):
        if self._database:
            self._database.dispose()


@pytest.fixture(scope="session")
def lagging_server(running_server, database_url, tmp_path_factory):
    """Run a server with an index delay, whose `clock` the test moves: a long delay, and no time for which it has to wait."""

    @contextmanager
    def started(delay):
        folder = tmp_path_factory.mktemp("lagging")
        clock = MovableClock(folder, database_url(folder))
        program = (sys.executable, "-c", MOVED, str(folder / "ahead"))
        with running_server(folder, "--index-delay", str(delay), program=program) as server:
            server.clock = clock
            yield server
        clock.close()

    return started
