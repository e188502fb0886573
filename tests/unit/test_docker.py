"""The image and the compose file: their form, and, without Docker, what they run, in the very environment that they give."""

import fnmatch
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, inspect, make_url

from e3db_connectors import Client

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVER, DATABASE = COMPOSE["services"]["server"], COMPOSE["services"]["database"]
BIN = Path(sys.executable).parent


def instructions():
    """The Dockerfile's instructions and what follows them."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [tuple(line.split(maxsplit=1)) for line in lines if line]


INSTRUCTIONS = instructions()
LAST_STAGE = INSTRUCTIONS[max(number for number, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]


def last(word):
    return [rest for found, rest in LAST_STAGE if found == word][-1]


def environment_of_image():
    return dict(pair.split("=", 1) for rest in (rest for word, rest in LAST_STAGE if word == "ENV") for pair in shlex.split(rest))


# Their form


def test_the_compose_file_is_as_the_specification_wants_it():
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", FOLDER / "compose.yaml"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stdout


def test_every_instruction_is_known_and_every_stage_has_a_pinned_base():
    known = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "USER", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    assert {word for word, _ in INSTRUCTIONS} <= known
    assert {rest.split()[0] for word, rest in INSTRUCTIONS if word == "FROM"} == {"python:3.13-slim"}
    assert re.fullmatch(r"postgres:\d+", DATABASE["image"])


def test_what_is_copied_is_there_and_is_let_through():
    ignored = [line for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    let_through = {line[1:] for line in ignored if line.startswith("!")}
    sources = {source for word, rest in INSTRUCTIONS if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]}
    assert sources == let_through
    assert all((ROOT / source).exists() for source in sources)
    build = SERVER["build"]
    assert (FOLDER / build["context"]).resolve() == ROOT
    assert (FOLDER / build["context"] / build["dockerfile"]).resolve() == FOLDER / "Dockerfile"


def test_what_is_installed_are_pinned_versions_with_the_servers_extras():
    installed = next(rest for word, rest in INSTRUCTIONS if word == "RUN" and "pip install" in rest)
    assert "--constraint constraints.txt" in installed
    assert "'.[server,postgres]'" in installed


def test_it_does_not_run_as_root_and_starts_without_a_shell():
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last("USER"))
    assert [json.loads(last("ENTRYPOINT")), json.loads(last("CMD"))] == [["e3db-connectors"], ["serve"]]
    assert [word for word, _ in LAST_STAGE].index("USER") < [word for word, _ in LAST_STAGE].index("ENTRYPOINT")
    assert last("VOLUME") == last("WORKDIR")
    assert SERVER["volumes"] == [f"files:{last('VOLUME')}"]
    assert SERVER["read_only"]
    assert SERVER["cap_drop"] == ["ALL"]


def test_no_secret_is_in_image_or_compose_file():
    named = {**environment_of_image(), **SERVER["environment"], **DATABASE["environment"]}
    for name, value in named.items():
        if re.search(r"TOKEN|PASSWORD|SECRET|DATABASE", name):
            assert name.endswith("_FILE"), name
            assert value.removeprefix("/run/secrets/") in COMPOSE["secrets"]
    for service in (SERVER, DATABASE):
        used = {value.removeprefix("/run/secrets/") for value in service["environment"].values() if value.startswith("/run/secrets/")}
        assert used == set(service["secrets"])
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for secret in COMPOSE["secrets"].values():
        assert any(fnmatch.fnmatch(f"docker/{secret['file']}", pattern + "*") for pattern in ignored)


def test_it_is_published_on_this_machine_alone_and_waits_for_its_database():
    [published] = SERVER["ports"]
    assert published.startswith("127.0.0.1:")
    assert published.endswith(f":{last('EXPOSE')}")
    assert environment_of_image()["E3DB_SERVER_PORT"] == last("EXPOSE")
    assert "ports" not in DATABASE
    assert SERVER["depends_on"] == {"database": {"condition": "service_healthy"}}


# What they run


@pytest.fixture(scope="module")
def health():
    """The command of the image's health check, on a port."""
    command = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert command[0] == "python"
    return lambda port: [sys.executable, *(part.replace(last("EXPOSE"), str(port)) for part in command[1:])]


@pytest.fixture
def environment(tmp_path, monkeypatch, database_url):
    """What the server finds in its container, with other paths and a free port, its database on a real PostgreSQL."""
    monkeypatch.setenv("TEST_DATABASE", "postgresql")
    secrets = {"database_url": database_url(tmp_path), "registration_token": "a-token"}
    for name in SERVER["secrets"]:
        (tmp_path / name).write_text(secrets[name] + "\n")
    given = {**environment_of_image(), **SERVER["environment"], "E3DB_SERVER_PORT": "0", "PATH": os.environ["PATH"]}
    return {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value).replace("/run/secrets/", f"{tmp_path}/") for name, value in given.items()
    }, secrets["database_url"]


def test_the_command_serves_from_postgresql_and_is_healthy(environment, health, tmp_path):
    variables, url = environment
    folder = tmp_path / "volume"
    folder.mkdir()
    command = [BIN / json.loads(last("ENTRYPOINT"))[0], *json.loads(last("CMD"))]
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(command, env=variables, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://0.0.0.0:"), (tmp_path / "log").read_text()
            port = int(line.rsplit(":", 1)[1])
            assert subprocess.run(health(port), env=variables, check=False, timeout=60).returncode == 0
            with Client(Client.register("a-token", "somebody", api_url=f"http://127.0.0.1:{port}").config) as client:
                written = client.write("note", {"a": "1"})
                assert client.read(written.meta.record_id).data == {"a": "1"}
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert [path.name for path in folder.iterdir()] == ["e3db-files"]
    engine = create_engine(url)
    assert "records" in inspect(engine).get_table_names()
    engine.dispose()
    assert url not in (tmp_path / "log").read_text()


def test_nobody_there_is_not_healthy(health):
    done = subprocess.run(health(1), capture_output=True, check=False, timeout=60)
    assert done.returncode == 1


def test_the_databases_health_check_is_a_command_of_postgresql():
    kind, *command = DATABASE["healthcheck"]["test"]
    assert (kind, command[0]) == ("CMD", "pg_isready")
    named = dict(zip(command[1::2], command[2::2], strict=True))
    assert (named["--username"], named["--dbname"]) == (DATABASE["environment"]["POSTGRES_USER"], DATABASE["environment"]["POSTGRES_DB"])


def test_the_guide_makes_the_secrets_that_the_compose_file_wants(tmp_path):
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    [commands] = [block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "secrets/" in block]
    (tmp_path / "docker").mkdir()
    subprocess.run(["/bin/sh", "-e", "-c", commands], cwd=tmp_path, check=True, timeout=60)
    made = {name: tmp_path / "docker" / secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert {path.name for path in (tmp_path / "docker" / "secrets").iterdir()} == {path.name for path in made.values()}
    url = make_url(made["database_url"].read_text())
    environment = DATABASE["environment"]
    assert (url.drivername, url.host) == ("postgresql+psycopg", "database")
    assert (url.username, url.database) == (environment["POSTGRES_USER"], environment["POSTGRES_DB"])
    assert url.password == made["database_password"].read_text() != made["registration_token"].read_text()
    assert re.fullmatch(r"[0-9a-f]{64}", url.password)
    assert (tmp_path / "docker" / "secrets").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in made.values())
