"""Every statement of every writing request fails once, and every call to the disk: the request happens as a whole or not at all."""

import hashlib
import os
import re
import sqlite3
import threading
from base64 import b64encode
from collections import Counter
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
import requests
import uvicorn
from sqlalchemy import event, exc, insert, select, update

from e3db_connectors import Client
from e3db_connectors.client.auth import Tsv1Auth
from e3db_connectors.server import app, blobs
from e3db_connectors.server.app import ROUTES
from e3db_connectors.server.bounded import BoundedProtocol
from e3db_connectors.server.settings import ServerSettings
from e3db_connectors.server.store import files, schema
from e3db_connectors.server.store.database import Database
from e3db_connectors.server.store.turns import GroupLost

BODY = b"sealed" * 1000
RECORDS, FILES, NOTES = "/v1/storage/records", "/v1/storage/files", "/v2/storage/notes"
INSIDE = re.compile(r"Traceback|File \"|sqlalchemy|sqlite|psycopg|SELECT|INSERT|UPDATE|DELETE FROM|injected", re.ASCII)
READ_ONLY = {"accounts.public_infos", "policies.outgoing_page", "queries.query", "queries.search"}
"""Handlers of POST that write nothing."""


class Faults:
    """Lets the N-th statement of the server's database, or the N-th of its calls to the disk, fail; both are counted together."""

    def __init__(self, engine):
        self.at, self.seen, self.fired = 0, 0, ""
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "do_connect", self._connect)
            engine.dispose()  # what is connected already knows nothing of it

    @contextmanager
    def nth(self, number):
        self.seen, self.fired, self.at = 0, "", number
        try:
            yield
        finally:
            self.at = 0

    def _connect(self, _dialect, _record, _arguments, options):
        def execute(connection, statement, *values):
            if not statement.startswith(("PRAGMA", "ROLLBACK")):
                try:
                    self.step("driver " + statement)
                except exc.OperationalError as error:
                    raise error.orig from None
            return sqlite3.Connection.execute(connection, statement, *values)

        options["factory"] = type("FaultyConnection", (sqlite3.Connection,), {"execute": execute})

    def _statement(self, _connection, _cursor, statement, *_):
        # What undoes, and what tells the time of an answer, are no parts of a request.
        if not re.match(r"ROLLBACK|UPDATE told", statement) and "pg_try_advisory" not in statement:
            self.step(statement)

    def _commit(self, connection):
        if connection.get_execution_options().get("writes"):
            self.step("COMMIT")

    def step(self, what):
        if not self.at or threading.current_thread().name.startswith("reservations"):
            return
        self.seen += 1
        if self.seen == self.at:
            self.fired = what
            raise exc.OperationalError(what, {}, sqlite3.OperationalError("injected"))

    def on_disk(self, what, function, *arguments, **options):
        try:
            self.step("disk " + what)
        except exc.OperationalError:
            raise OSError(5, "injected") from None
        return function(*arguments, **options)


class FaultyOs:
    """The module `os` as `blobs` uses it."""

    def __init__(self, faults):
        self._faults = faults

    def __getattr__(self, name):
        found = getattr(os, name)
        return partial(self._faults.on_disk, name, found) if name in {"open", "fsync"} else found

    def fdopen(self, *arguments):
        return FaultyFile(os.fdopen(*arguments), self._faults)


class FaultyFile:
    def __init__(self, file, faults):
        self._file, self._faults = file, faults

    def __getattr__(self, name):
        found = getattr(self._file, name)
        return partial(self._faults.on_disk, name, found) if name in {"write", "flush"} else found


class Service:
    """A server in this process, whose inside can be made to fail, and two of its clients."""

    def __init__(self, folder, database_url, token, url):
        self.token, self.url = token, url
        self.database = Database(database_url)
        self.folder = folder / "bodies"
        self.bodies = blobs.Bodies(self.folder)
        self.faults = Faults(self.database._engine)
        settings = ServerSettings("127.0.0.1", 0, database_url, folder, token)
        config = uvicorn.Config(
            app.build(self.database, self.bodies, settings), http=BoundedProtocol, log_config=None, date_header=False, lifespan="off"
        )
        self.server = uvicorn.Server(config)

    def call(self, method, path, **options):
        url = path if path.startswith("http") else self.url + path
        with requests.Session() as session:  # after an error a connection may end
            session.trust_env = False
            return session.request(method, url, timeout=30, **options)

    def enter(self):
        self.client, self.other = (Client(Client.register(self.token, name, api_url=self.url).config) for name in ("one", "other"))
        self.id, self.keys = self.client.client_id, self.client._signing_keys
        self.basic = (self.client.config.api_key_id, self.client.config.api_secret)
        token = self.call("POST", "/v1/auth/token", auth=self.basic).json()["access_token"]
        self.bearer = {"headers": {"Authorization": f"Bearer {token}"}}

    @property
    def signed(self):
        return {"auth": Tsv1Auth(self.keys, self.id)}

    def stored(self):
        """All that is stored; the nonces apart, for that of a request that failed stays used."""
        tables = [table for table in schema.metadata.sorted_tables if table.name not in {"told", "nonces"}]
        with self.database.read() as connection:
            rows = {table.name: sorted(map(repr, connection.execute(select(table)))) for table in tables}
        return rows, {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def sweep(self):
        with self.database.read() as connection:
            self.bodies.sweep(partial(files.in_use, connection))

    # What requests need to be there

    def upload(self, **meta):
        return {"meta": {"writer_id": self.id, "user_id": self.id, "type": "t", "plain": {"k": "v", "l": "w"}, **meta}, "data": {"a": "1"}}

    def record(self):
        return self.call("POST", RECORDS, json=self.upload(), **self.bearer).json()["meta"]

    def at(self):
        meta = self.record()
        return f"{RECORDS}/safe/{meta['record_id']}/{meta['version']}"

    def announcement(self):
        checksum = b64encode(hashlib.md5(BODY, usedforsecurity=False).digest()).decode()
        return self.upload(file_meta={"checksum": checksum, "size": len(BODY)})

    def announced(self):
        return self.call("POST", FILES, json=self.announcement(), **self.bearer).json()

    def uploaded(self):
        pending = self.announced()
        assert self.call("PUT", pending["file_url"], data=BODY).status_code == 200
        return pending["id"]

    def committed(self):
        file_id = self.uploaded()
        assert self.call("PATCH", f"{FILES}/{file_id}", **self.bearer).status_code == 201
        return file_id

    def note(self, **members):
        key = self.keys.public
        keys = {"recipient_signing_key": key, "writer_signing_key": key, "writer_encryption_key": "w", "encrypted_access_key": "e"}
        return {**keys, "mode": "Sodium", "signature": "s", "data": {"a": "1"}, **members}

    def written_note(self, **members):
        return self.call("POST", NOTES, json=self.note(**members), **self.signed).json()["note_id"]

    def named_note(self):
        name = str(uuid4())
        self.written_note(id_string=name)
        return name

    def of_type(self, path, right=None):
        """A path of an access key, or of a policy, with another type each time."""
        path += f"/{self.id}/{self.id}/{self.other.client_id}/{uuid4()}"
        if right:
            assert self.call("PUT", path, json={"allow": [{right: {}}]}, **self.bearer).status_code == 201
        return path

    def key(self):
        path = self.of_type("/v1/storage/access_keys")
        assert self.call("PUT", path, json={"eak": "e"}, **self.bearer).status_code == 201
        return path

    def dismissal(self):
        return self.of_type("/v1/storage/policy", "authorizer").rpartition("/")[0]

    def expired_upload(self):
        """An announcement at which a file is forgotten that was never committed."""
        late = self.uploaded()
        with self.database.write() as connection:
            connection.execute(update(schema.pending_files).where(schema.pending_files.c.file_id == late).values(expires_at=1))
        return FILES


POLICY, KEYS = "/v1/storage/policy", "/v1/storage/access_keys"
NEW = {"name": "new", "public_key": {"curve25519": "k"}}

CASES = {
    "accounts.register": lambda s: ("POST", "/v1/account/e3db/clients/register", {"json": {"token": s.token, "client": NEW}}),
    "accounts.token": lambda s: ("POST", "/v1/auth/token", {"auth": s.basic}),
    "accounts.backed_up": lambda s: ("POST", f"/v1/account/backup/{s.token}/{s.other.client_id}", {}),
    "access_keys.put": lambda s: ("PUT", s.of_type(KEYS), {"json": {"eak": "e"}, **s.bearer}),
    "access_keys.delete": lambda s: ("DELETE", s.key(), s.bearer),
    "records.write": lambda s: ("POST", RECORDS, {"json": s.upload(), **s.bearer}),
    "records.write signed": lambda s: ("POST", "/v2/storage/records", {"json": s.upload(), "signed": True}),
    "records.update": lambda s: ("PUT", s.at(), {"json": s.upload(), **s.bearer}),
    "records.delete": lambda s: ("DELETE", s.at(), s.bearer),
    "records.update_any": lambda s: ("PUT", f"{RECORDS}/{s.record()['record_id']}", {"json": s.upload(), **s.bearer}),
    "records.delete_any": lambda s: ("DELETE", f"{RECORDS}/{s.record()['record_id']}", s.bearer),
    "records.delete_any file": lambda s: ("DELETE", f"{RECORDS}/{s.committed()}", s.bearer),
    "records.bulk_delete": lambda s: (
        "DELETE",
        "/v2/storage/records/bulk/delete",
        {"json": {"record_ids": [s.committed(), s.record()["record_id"], s.record()["record_id"]]}, "signed": True},
    ),
    "policies.change": lambda s: ("PUT", s.of_type(POLICY), {"json": {"allow": [{"read": {}}, {"authorizer": {}}]}, **s.bearer}),
    "policies.change deny": lambda s: ("PUT", s.of_type(POLICY, "read"), {"json": {"deny": [{"read": {}}]}, **s.bearer}),
    "policies.remove_authorizer": lambda s: ("DELETE", s.dismissal(), s.bearer),
    "files.announce": lambda s: ("POST", s.expired_upload(), {"json": s.announcement(), **s.bearer}),
    "files.upload": lambda s: ("PUT", s.announced()["file_url"], {"data": BODY}),
    "files.commit": lambda s: ("PATCH", f"{FILES}/{s.uploaded()}", s.bearer),
    "files.read": lambda s: ("GET", f"{FILES}/{s.committed()}", s.bearer),
    "notes.write": lambda s: ("POST", NOTES, {"json": s.note(id_string=str(uuid4())), "signed": True}),
    "notes.replace": lambda s: ("PUT", NOTES, {"json": s.note(id_string=s.named_note()), "signed": True}),
    "notes.read": lambda s: ("GET", f"{NOTES}?note_id={s.written_note(max_views=2)}", {"signed": True}),
    "notes.read last": lambda s: ("GET", f"{NOTES}?note_id={s.written_note(max_views=1)}", {"signed": True}),
    "notes.delete": lambda s: ("DELETE", f"{NOTES}/{s.written_note()}", {"signed": True}),
}
"""By handler: a request that writes, with all that it needs."""


@pytest.fixture(scope="module")
def service(tmp_path_factory, database_url, registration_token):
    folder = tmp_path_factory.mktemp("failures")
    made = Service(folder, database_url(folder), registration_token, "")
    listener = made.server.config.bind_socket()
    made.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    thread = threading.Thread(target=made.server.run, kwargs={"sockets": [listener]})
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blobs, "os", FaultyOs(made.faults))
        for name in ("rename", "unlink"):
            real = getattr(Path, name)
            patch.setattr(Path, name, partial_method(made.faults, name, real))
        made.enter()
        yield made
        made.client.close()
        made.other.close()
        made.server.should_exit = True
        thread.join()
    made.database.close()


def partial_method(faults, name, real):
    return lambda path, *arguments, **options: faults.on_disk(name, real, path, *arguments, **options)


def test_every_writing_route_is_tried():
    writing = {
        f"{route.endpoint.__module__.rpartition('.')[2]}.{route.endpoint.__name__}"
        for route in ROUTES
        if route.methods & {"POST", "PUT", "PATCH", "DELETE"}
    }
    assert writing - READ_ONLY == {case.partition(" ")[0] for case in CASES} - {"files.read", "notes.read"}


@pytest.mark.proof
def test_all_or_nothing(service, proof):
    counts, step = Counter(), proof.size(3, 1)
    for first, (case, make) in enumerate(CASES.items()):
        method, path, options = make(service)
        for number in count(1 + first % step, step):
            before = service.stored()
            sent = {**options, **service.signed} if options.get("signed") else options
            with service.faults.nth(number):
                answer = ask(service, method, path, {name: value for name, value in sent.items() if name != "signed"})
            fired = service.faults.fired
            if not fired:
                assert answer.status_code < 300, (case, answer.text)
                assert service.stored()[0] != before[0], case
                service.sweep()
                break
            counts["failures"] += 1
            check(case, fired, answer)
            leftovers = service.stored()[1].keys() - before[1].keys()
            service.sweep()
            if (
                fired == "disk unlink" and answer is not None and answer.status_code < 300
            ):  # it is done, but for a body that nobody knows any more
                method, path, options = make(service)
                continue
            assert service.stored() == before, (case, number, fired)
            counts["leftovers swept"] += len(leftovers)
        counts["routes"] += 1
        assert number > 3
    proof.report("failure of the N-th statement", **counts)


def ask(service, method, path, options):
    """The answer; None to a body that is not read, for then the connection may end before the answer is."""
    try:
        return service.call(method, path, **options)
    except requests.ConnectionError:
        assert options.get("data") == BODY
        return None


def check(case, fired, answer):
    """An error of the server in words, that shows nothing of the inside."""
    if answer is None:
        return
    if answer.status_code < 300:
        assert fired == "disk unlink", case
        return
    assert answer.status_code in {500, 503}, (case, fired, answer.text)
    assert list(answer.json()) == ["error"]
    assert not INSIDE.search(answer.text)
    assert set(answer.headers) >= {"date"}, (case, fired)


def test_a_group_goes_down_with_the_transaction(service):
    """As SQLite gives up a whole transaction when the disk is full: who wrote before in the group is told, who comes after writes nothing."""
    table, names = schema.settings, [f"group {number}" for number in range(3)]

    def write(number):
        with service.database.write() as connection:
            connection.execute(insert(table).values(name=names[number], value="v"))
            if number == 1:
                connection.connection.dbapi_connection.rollback()
                raise OSError

    def write_together():
        with service.database.turns.group():
            write(0)
            with suppress(OSError):
                write(1)
            with suppress(exc.SQLAlchemyError):
                write(2)

    with pytest.raises(GroupLost) as lost:
        write_together()
    assert lost.value.nothing_happened
    with service.database.read() as connection:
        assert not connection.scalars(select(table.c.name).where(table.c.name.in_(names))).all()
    with service.database.turns.group():
        write(2)
