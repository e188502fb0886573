"""Databases of older versions: they are migrated as a whole or left as they are, and serve what they held.

The databases in ``old_schemas`` were made by servers and clients of these versions.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as Alembic
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, make_url, select, update

from e3db_connectors import Client, Search
from e3db_connectors.errors import StorageError
from e3db_connectors.server.store import migrations, schema
from e3db_connectors.server.store.database import Database
from e3db_connectors.wire import times

OLD = Path(__file__).with_name("old_schemas")
DIALECT = "postgresql" if os.environ.get("TEST_DATABASE") == "postgresql" else "sqlite"
VERSIONS = [path.name.split(".")[0] for path in sorted(OLD.glob(f"*.{DIALECT}.sql"))]
ONLY_SQLITE = pytest.mark.skipif(DIALECT != "sqlite", reason="these versions knew SQLite only")


def make_old(url, version):
    """Fill a database as this version left it."""
    script = (OLD / f"{version}.{DIALECT}.sql").read_text(encoding="utf-8")
    if DIALECT == "sqlite":
        with sqlite3.connect(make_url(url).database) as connection:
            connection.executescript(script)
        connection.close()
    else:
        alter(url, script)


def alter(url, *statements):
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def migrate(url):
    Database(url).close()


@pytest.fixture
def url(database_url, tmp_path):
    return database_url(tmp_path)


@pytest.fixture
def look():
    """What *see* finds in a database."""

    def looked(url, see):
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                return see(connection)
        finally:
            engine.dispose()

    return looked


def everything(connection):
    """All tables and what is in them."""
    found = inspect(connection)
    return {
        name: (found.get_columns(name), connection.exec_driver_sql(f'SELECT * FROM "{name}"').all())  # noqa: S608 - our own names
        for name in found.get_table_names()
    }


def shape(connection):
    """The schema, in what makes a difference."""
    found = inspect(connection)
    tables = {}
    for name in found.get_table_names():
        columns = {(one["name"], str(one["type"]), one["nullable"], one["default"]) for one in found.get_columns(name)}
        uniques = {tuple(one["column_names"]) for one in found.get_unique_constraints(name)}
        foreign = {(str(one["constrained_columns"]), one["referred_table"], str(one["options"])) for one in found.get_foreign_keys(name)}
        indexes = {(one["name"], str(one["column_names"]), one["unique"]) for one in found.get_indexes(name)}
        partial = {str(option) for one in found.get_indexes(name) for option in one.get("dialect_options", {}).values()}
        tables[name] = (columns, found.get_pk_constraint(name)["constrained_columns"], uniques, foreign, indexes, partial)
    if DIALECT == "sqlite":
        counted = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
        tables["counted"] = set(counted.scalars())
    return tables


def head():
    config = Alembic()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config, ScriptDirectory.from_config(config).get_current_head()


# What was there is served


@pytest.mark.parametrize("version", VERSIONS)
def test_what_an_older_version_has_stored_is_served(version, url, running_server, registration_token, tmp_path):
    make_old(url, version)
    known = json.loads((OLD / "clients.json").read_text())[f"{version}.{DIALECT}"]
    with running_server(tmp_path) as server:
        owner, reader = (Client({**config, "api_url": server.url}) for config in known)
        with owner, reader:
            texts = ["changed", "number 0", "number 2"]
            assert sorted(record.data["text"] for record in owner.query_all(record_type="note")) == texts
            search = Search(include_data=True, include_all_writers=True).match(values="même", record_types="note")
            assert sorted(record.data["text"] for record in reader.search(search)) == texts
            [old] = owner.query_all(record_type="gone")
            new = owner.write("gone", {"text": "new"}, {"kind": "new"})
            assert times.parse(new.meta.created) > times.parse(old.meta.last_modified)
            assert [record.meta.record_id for record in owner.search(Search().match(values="new"))] == [new.meta.record_id]
            owner.delete(old.meta.record_id, old.meta.version)
            assert owner.read(new.meta.record_id).data == {"text": "new"}
            backup = Client.register(registration_token, "new", api_url=server.url, crypto_suite="nist", backup=True).backup_client_id
            assert set(owner.client_info(backup).public_key) == {"curve25519", "p384"}
            assert owner.write_note({"a": "1"}, reader.config.public_key, reader.config.public_signing_key).note_id
    assert f"migrated from revision {int(version):04} to {schema.REVISION}" in (tmp_path / "server.log").read_text()


# The schema


def test_the_newest_revision_is_the_one_of_the_schema():
    assert head()[1] == schema.REVISION


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migrated_database_is_like_a_new_one(version, url, database_url, look, tmp_path):
    make_old(url, version)
    migrate(url)
    (tmp_path / "new").mkdir()
    new = database_url(tmp_path / "new")
    migrate(new)
    assert look(url, shape) == look(new, shape)
    assert look(url, lambda connection: compare_metadata(MigrationContext.configure(connection), schema.metadata)) == []


@ONLY_SQLITE
@pytest.mark.parametrize("version", ["3", "4", "5"])
def test_versions_in_between_are_migrated(version, url, look):
    make_old(url, "2")
    config, newest = head()
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.stamp(config, "0002")
        command.upgrade(config, f"{int(version):04}")
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql(f"UPDATE settings SET value = '{version}' WHERE name = 'schema_version'")  # noqa: S608
    engine.dispose()
    migrate(url)
    assert look(url, lambda connection: connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()) == [(newest,)]
    assert look(url, lambda connection: compare_metadata(MigrationContext.configure(connection), schema.metadata)) == []


@ONLY_SQLITE
def test_a_value_with_nul_is_found_as_in_new_databases(url, look):
    make_old(url, "2")
    alter(url, "UPDATE plain_members SET value = 'a' || char(0) || 'b' WHERE seq = 1 AND key = 'n'")
    migrate(url)
    members = schema.plain_members
    stored = select(members.c.value).where(members.c.seq == 1, members.c.key == "n")
    assert look(url, lambda connection: connection.scalar(stored)) == "a\ufffdb"


@pytest.mark.parametrize("version", VERSIONS)
def test_users_find_what_was_written_about_them(version, url, look):
    make_old(url, version)
    records, clients = schema.records.c, schema.clients.c
    writer, user = look(url, lambda connection: connection.scalars(select(clients.client_id).where(clients.type != "backup")).all())[:2]

    def make_them_about_the_user(connection):
        connection.execute(update(schema.records).where(records.writer_id.in_([writer, user])).values(writer_id=writer, user_id=user))

    look(url, make_them_about_the_user)
    types = look(url, lambda connection: set(connection.scalars(select(schema.records.c.type))))
    migrate(url)
    policies = schema.policies
    noted = select(policies.c.type).where(policies.c.reader_id == user, policies.c.writer_id == writer, policies.c.right == "user")
    assert look(url, lambda connection: sorted(connection.scalars(noted))) == sorted(types)
    assert types


# As a whole or not at all


@pytest.mark.parametrize("version", VERSIONS)
def test_a_migration_that_fails_leaves_everything_as_it_was(version, url, look):
    make_old(url, version)
    alter(url, "CREATE TABLE told (other TEXT)")
    before = look(url, everything)
    with pytest.raises(StorageError, match="told"):
        Database(url)
    assert str(look(url, everything)) == str(before)
    alter(url, "DROP TABLE told")
    migrate(url)


@ONLY_SQLITE
def test_a_damaged_database_is_left_as_it_was(url, look):
    make_old(url, "2")
    alter(url, "UPDATE policies SET reader_id = 'nobody'")
    before = look(url, everything)
    with pytest.raises(StorageError, match=r"a row of policies belongs to a row of clients that is not there"):
        Database(url)
    assert str(look(url, everything)) == str(before)


@pytest.mark.skipif(DIALECT != "postgresql", reason="SQLite serves one process")
@pytest.mark.parametrize("version", [None, "6"])
def test_processes_that_start_at_once_do_not_collide(version, url, running_server, tmp_path):
    if version:
        make_old(url, version)
    with ExitStack() as stack, ThreadPoolExecutor(3) as pool:
        servers = list(pool.map(stack.enter_context, [running_server(tmp_path) for _ in range(3)]))
        with servers[0].register() as client, Client({**client.config(), "api_url": servers[2].url}) as other:
            assert other.read(client.write("t", {"a": "1"}).meta.record_id).data == {"a": "1"}
    assert (tmp_path / "server.log").read_text().count("migrated") == (1 if version else 0)


# Databases that are refused


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", r"revision 9999.* up to \d{4}.*install that version, or restore a backup"),
        ("DROP TABLE alembic_version", "schema version 7, which cannot be migrated"),
        ("DELETE FROM alembic_version", "revision unknown"),
    ],
    ids=["newer", "unnamed", "empty"],
)
def test_an_unknown_revision_is_refused(change, words, url, look):
    migrate(url)
    alter(url, change)
    before = look(url, everything)
    with pytest.raises(StorageError, match=words):
        Database(url)
    assert str(look(url, everything)) == str(before)


def test_a_version_that_is_too_old_is_refused(url):
    make_old(url, VERSIONS[0])
    alter(url, "UPDATE settings SET value = '1' WHERE name = 'schema_version'")
    with pytest.raises(StorageError, match="schema version 1, which cannot be migrated"):
        Database(url)


def test_tables_of_something_else_are_refused(url):
    alter(url, "CREATE TABLE records (artist TEXT, title TEXT)")
    with pytest.raises(StorageError, match="table records of something else"):
        Database(url)


def test_the_command_says_so_in_a_line(url, run, monkeypatch, tmp_path):
    migrate(url)
    alter(url, "UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setenv("E3DB_SERVER_DATABASE", url)
    done = run("e3db-connectors", "serve", "--port", "0", "--files-dir", tmp_path / "files")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("registration token: in ")]
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 1)
    assert "revision 9999" in lines[0]


# The start


@pytest.mark.parametrize("version", [None, VERSIONS[-1]], ids=["new", "old"])
def test_alembic_is_loaded_to_migrate_only_and_says_nothing(version, url):
    if version:
        make_old(url, version)
    code = (
        "import logging, sys; logging.basicConfig(level=logging.INFO)\n"
        "from e3db_connectors.server.store.database import Database\n"
        "Database(sys.argv[1]).close(); print('alembic' in sys.modules, len(logging.root.handlers), logging.root.level)"
    )
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == f"{bool(version)} 1 20\n"
    assert re.sub(r"INFO:e3db_connectors[^\n]*\n", "", done.stderr) == ""
