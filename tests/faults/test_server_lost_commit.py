"""The connection to PostgreSQL breaks while a transaction commits: nobody is told what the server does not know."""

import os
import socket
import threading
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import make_url

from e3db_connectors.errors import OutcomeUnknown
from e3db_connectors.server.store.database import Database

pytestmark = pytest.mark.skipif(os.environ.get("TEST_DATABASE") != "postgresql", reason="SQLite has no connection that breaks")

_COMMIT = b"COMMIT\0"
_WRITE = b"INSERT INTO records"


class BreakingProxy:
    """Stands before PostgreSQL; breaks one connection when it commits a record, with the commit sent on, or without.

    Args:
        target: The socket of the server.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._armed = ""
        self.broken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def break_commit(self, *, sent_on: bool) -> None:
        self._armed = "reply" if sent_on else "request"

    def _accept(self):
        with suppress(OSError):
            while True:
                downstream, _ = self._listener.accept()
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect(str(self._target))
                losing = threading.Event()
                threading.Thread(target=self._requests, args=(downstream, upstream, losing), daemon=True).start()
                threading.Thread(target=self._replies, args=(upstream, downstream, losing), daemon=True).start()

    def _requests(self, downstream, upstream, losing):
        writes = False
        with _ending(downstream, upstream):
            while chunk := downstream.recv(65536):
                writes = writes or _WRITE in chunk
                fault = ""
                if _COMMIT in chunk:
                    fault, writes = self._armed if writes else "", False
                if fault:
                    self._armed = ""
                    self.broken += 1
                    losing.set()
                if fault == "request":
                    return
                upstream.sendall(chunk)

    def _replies(self, upstream, downstream, losing):
        with _ending(upstream, downstream):
            while (chunk := upstream.recv(65536)) and not losing.is_set():
                downstream.sendall(chunk)


@contextmanager
def _ending(source, sink):
    # Closing alone says nothing to the peer of a socket on which another thread still reads.
    with closing(source):
        with suppress(OSError):
            yield
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory, database_url, running_server):
    folder = tmp_path_factory.mktemp("proxied")
    url = make_url(database_url(folder))
    proxy = BreakingProxy(Path(url.query["host"]) / ".s.PGSQL.5432")
    through = url.set(host="127.0.0.1", port=proxy.port, query={"sslmode": "disable", "gssencmode": "disable"})
    with closing(proxy), running_server(folder, database=through.render_as_string(hide_password=False)) as server:
        yield server, proxy


@pytest.mark.parametrize("sent_on", [True, False], ids=["reply lost", "request lost"])
def test_a_commit_whose_outcome_is_unknown_is_reported_as_that(sent_on, behind_proxy):
    server, proxy = behind_proxy
    with server.register() as client:
        client.write("t", {"n": "first"})  # the access key is there
        broken = proxy.broken
        proxy.break_commit(sent_on=sent_on)
        with pytest.raises(OutcomeUnknown):
            client.write("t", {"n": "second"})
        assert proxy.broken == broken + 1
        client.write("t", {"n": "third"})  # the server goes on, with other connections
        stored = sorted(record.data["n"] for record in client.query_all(record_type="t"))
        assert stored == (["first", "second", "third"] if sent_on else ["first", "third"])


@pytest.mark.parametrize(("asked", "user_timeout"), [({}, "20000"), ({"tcp_user_timeout": "5000"}, "5000")])
def test_a_database_that_vanishes_without_a_word_is_given_up(asked, user_timeout, tmp_path, database_url):
    url = make_url(database_url(tmp_path)).update_query_dict(asked)
    database = Database(url.render_as_string(hide_password=False))
    with closing(database), database.read() as connection:
        used = connection.connection.dbapi_connection.info.get_parameters()
    assert (used["tcp_user_timeout"], used["keepalives_idle"]) == (user_timeout, "5")
