"""Registration tokens with an end: made, listed and revoked by a command on the database, beside the running server."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from e3db_connectors import Client, errors
from e3db_connectors.cli.main import main
from e3db_connectors.wire import paths

REGISTER = "/v1/account/e3db/clients/register"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def served(running_server, tmp_path_factory):
    with running_server(tmp_path_factory.mktemp("tokens")) as started:
        yield started


@pytest.fixture
def own(served, monkeypatch):
    """A server without any token but that of its start, whose database the commands find in the environment."""
    with served.database() as connection:
        for table in ("registrations", "registration_tokens"):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - a constant
        monkeypatch.setenv("E3DB_SERVER_DATABASE", connection.engine.url.render_as_string(hide_password=False))
    return served


@pytest.fixture
def command(monkeypatch, capfd):
    """Run `e3db-connectors server token ...` as its process would be: exit code, stdout and stderr."""

    def run_here(*arguments):
        monkeypatch.setattr(sys, "argv", ["e3db-connectors", "server", "token", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return ended.value.code, said.out, said.err

    return run_here


@pytest.fixture
def tokens(own, command):
    """The output of such a command, which has to succeed, beside the running server."""

    def run_well(*arguments):
        assert own.process.poll() is None
        code, out, err = command(*arguments)
        assert (code, err) == (0, "")
        return out

    return run_well


@pytest.fixture
def create(tokens):
    return lambda *options: tokens("create", *options).removesuffix("\n")


@pytest.fixture
def listed(tokens):
    return lambda: [json.loads(line) for line in tokens("list", "--json").splitlines()]


@pytest.fixture
def register(own, session):
    """Register with a token by raw HTTP; a client of this name, or with these members."""

    def post(token, **client):
        body = {"token": token, "client": {"name": "n", "public_key": {"curve25519": "k"}, **client}}
        return session.post(own.url + REGISTER, json=body, timeout=30)

    return post


@pytest.fixture
def back_up(own, session):
    return lambda token, client_id: session.post(own.url + paths.backup(token, client_id), timeout=30).status_code


def test_a_token_is_printed_alone_and_registers_clients_of_a_running_server(own, run):
    made = run("e3db-connectors", "server", "token", "create")
    assert (made.returncode, made.stderr) == (0, "")
    token = made.stdout.removesuffix("\n")
    assert len(token) == 64
    assert token.isalnum()
    with Client(Client.register(token, "somebody", api_url=own.url).config) as client:
        assert client.read(client.write("t", {"a": "1"}).meta.record_id).data == {"a": "1"}


def test_only_a_hash_of_a_token_is_kept_and_shown_nowhere(own, create, tokens):
    token = create("--note", "for the laptops")
    assert Client.register(token, "somebody", api_url=own.url).client_id
    assert token.encode() not in own.stored()
    assert token not in tokens("list") + tokens("list", "--json") + (own.folder / "server.log").read_text()


def test_a_token_registers_as_often_as_it_may(create, register, listed):
    token = create("--uses", "2")
    answers = [register(token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 401]
    assert answers[2].json() == {"error": "the registration token is not valid"}
    [row] = listed()
    assert (row["uses_left"], row["state"]) == (0, "used up")


def test_without_a_limit_it_registers_on_and_on(create, register, listed):
    token = create()
    assert [register(token).status_code for _ in range(4)] == [201] * 4
    assert [(row["uses_left"], row["expires_at"], row["state"]) for row in listed()] == [(None, None, "valid")]


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 10_000}, {"public_key": {}}, {"public_key": {"curve25519": ""}}, {"type": 1}]
)
def test_a_registration_that_fails_uses_nothing(create, register, listed, wrong):
    token = create("--uses", "1")
    assert register(token, **wrong).status_code == 400
    assert listed()[0]["uses_left"] == 1
    assert register(token).status_code == 201


def test_the_last_uses_are_taken_once_each_by_many_at_a_time(own, create, register, listed):
    token = create("--uses", "3")
    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(lambda number: register(token, name=f"racer {number}").status_code, range(24)))
    assert sorted(statuses) == [201] * 3 + [401] * 21
    assert listed()[0]["uses_left"] == 0
    with own.database() as connection:
        assert connection.scalar(text("SELECT count(*) FROM clients WHERE name LIKE 'racer %'")) == 3


@pytest.mark.parametrize(
    ("duration", "seconds"), [("1m", 60), ("12h", 12 * 3600), ("7d", 7 * 86_400), ("9999w", 9999 * 7 * 86_400)], ids=["m", "h", "d", "w"]
)
def test_a_token_expires(own, create, register, listed, duration, seconds):
    token = create("--expires", duration)
    with own.database() as connection:
        expires, created = connection.execute(text("SELECT expires_at, created_at FROM registration_tokens")).one()
        assert expires - created == seconds * 1_000_000
    assert register(token).status_code == 201
    with own.database() as connection:
        connection.execute(text("UPDATE registration_tokens SET expires_at = created_at"))
    assert register(token).status_code == 401
    [row] = listed()
    assert (row["state"], row["expires_at"]) == ("expired", row["created_at"])


def test_a_revoked_token_registers_nobody_and_the_others_go_on(own, create, register, tokens, listed):
    first, second = create("--note", "first"), create("--note", "second")
    with Client(Client.register(first, "somebody", api_url=own.url).config) as client:
        tokens("revoke", next(row["id"] for row in listed() if row["note"] == "first"))
        client.write("t", {})
    assert (register(first).status_code, register(second).status_code) == (401, 201)
    assert {row["note"]: row["state"] for row in listed()} == {"first": "revoked", "second": "valid"}


def test_the_token_of_the_start_stays_without_limit(create, register, registration_token, listed):
    create("--uses", "1")
    assert [register(registration_token).status_code for _ in range(3)] == [201] * 3
    assert [row["uses_left"] for row in listed()] == [1]


def test_the_list_is_a_table_for_people(create, tokens):
    create("--uses", "5", "--note", "laptops of the team")
    create()
    head, *rows = tokens("list").splitlines()
    assert head.split() == ["ID", "STATE", "USES", "LEFT", "EXPIRES", "CREATED", "NOTE"]
    assert [row.split()[1:4] for row in rows] == [["valid", "5", "never"], ["valid", "any", "never"]]
    assert rows[0].endswith("laptops of the team")


@pytest.mark.parametrize("end", ["used up", "revoked", "expired"])
def test_a_key_backup_takes_the_token_that_registered_the_client_whatever_became_of_it(own, create, register, back_up, tokens, listed, end):
    token = create("--uses", "1" if end == "used up" else "5")
    client_id = register(token).json()["client_id"]
    if end == "revoked":
        tokens("revoke", listed()[0]["id"])
    if end == "expired":
        with own.database() as connection:
            connection.execute(text("UPDATE registration_tokens SET expires_at = 1"))
    assert listed()[0]["state"] == end
    assert back_up(token, client_id) == 200
    with own.database() as connection:
        assert connection.scalar(text("SELECT has_backup FROM clients WHERE client_id = :id"), {"id": client_id})


def test_a_token_at_its_end_vouches_for_no_other_client(create, register, back_up, registration_token):
    token = create("--uses", "1")
    other = register(registration_token).json()["client_id"]
    another = register(create()).json()["client_id"]
    assert back_up(token, other) == 200  # while it is valid, as any valid token
    assert register(token).status_code == 201
    assert [back_up(token, client_id) for client_id in (other, another, NOBODY, "nobody")] == [401] * 4


def test_registering_with_a_backup_takes_one_use(own, create, listed):
    made = Client.register(create("--uses", "1"), "somebody", api_url=own.url, backup=True)
    with Client(made.config) as client:
        assert [share.record_type for share in client.outgoing_sharing()] == ["tozny.key_backup"]
    assert listed()[0]["uses_left"] == 0


def test_a_used_up_token_is_unauthorized_for_the_client(own, create, register):
    token = create("--uses", "1")
    register(token)
    with pytest.raises(errors.Unauthorized) as failed:
        Client.register(token, "somebody", api_url=own.url)
    assert token not in str(failed.value)


def test_a_token_can_be_made_before_the_first_start(command, running_server, tmp_path):
    database = f"sqlite:///{tmp_path / 'early.sqlite'}"
    _, out, err = command("create", "--database", database)
    token = out.removesuffix("\n")
    assert err.splitlines() == [f"a new database: {tmp_path / 'early.sqlite'}"]
    with running_server(tmp_path, "--database", database) as server:
        assert Client.register(token, "somebody", api_url=server.url).client_id


@pytest.mark.parametrize("arguments", [["list"], ["revoke", "0123456789abcdef"]])
def test_a_look_at_a_database_that_is_not_there_makes_none(command, tmp_path, arguments):
    code, out, err = command(*arguments, "--database", f"sqlite:///{tmp_path / 'absent.sqlite'}")
    assert (code, out) == (1, "")
    assert "absent.sqlite" in err
    assert not (tmp_path / "absent.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "--uses", "0"], 2, "--uses"),
        (["create", "--uses", "many"], 2, "--uses"),
        (["create", "--expires", "0d"], 2, "7d"),
        (["create", "--expires", "7"], 2, "7d"),
        (["create", "--expires", "-1h"], 2, "7d"),
        (["create", "--expires", "1y"], 2, "7d"),
        (["create", "--note", "two\nlines"], 1, "note"),
        (["create", "--note", "x" * 201], 1, "note"),
        (["revoke", "0123456789abcdef"], 1, "id"),
        (["list", "--database", "mysql://user:hunter2@localhost/e3db"], 1, "sqlite:///"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_made(command, listed, arguments, code, said):
    ended, out, err = command(*arguments)
    assert (ended, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert "hunter2" not in err
    assert listed() == []
