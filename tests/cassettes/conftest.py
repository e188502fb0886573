"""Replaying what a server has answered, byte by byte; `make cassettes` records anew."""

import json
import os
import random
import sys
from pathlib import Path
from uuid import UUID

import pytest
import vcr
from nacl import bindings
from vcr.stubs.requests_stubs import VCRRequestsHTTPConnection

from e3db_connectors import Client, Config
from e3db_connectors.client import connections, notes
from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.signatures import signing_keypair_from_seed

FOLDER = Path(__file__).parent / "recorded"
IDS = FOLDER / "ids.json"
RECORDING = os.environ.get("E3DB_RECORD_CASSETTES") == "1"
HIDDEN = "hidden"


def _seeded(name):
    """Key pairs that are always the same: the ones of the recording."""
    seed = name.encode().ljust(32, b"-")
    public, private = bindings.crypto_box_seed_keypair(seed)
    signing = signing_keypair_from_seed(seed)
    return {
        "public_key": encoding.encode(public),
        "private_key": encoding.encode(private),
        "public_signing_key": signing.public,
        "private_signing_key": signing.private.reveal(),
    }


@pytest.fixture(scope="session")
def people(request):
    """Credentials of two clients, but for their secrets; registered with a server if this is a recording."""
    if RECORDING:
        server, token = request.getfixturevalue("server"), request.getfixturevalue("registration_token")
        made = {}
        for name in ("writer", "reader"):
            keys = _seeded(name)
            details = Client.register(token, name, keys.pop("public_key"), api_url=server.url, **keys)
            made[name] = details.config()
        FOLDER.mkdir(exist_ok=True)
        IDS.write_text(json.dumps({name: values["client_id"] for name, values in made.items()}, indent=2) + "\n")
        return made
    ids = json.loads(IDS.read_text())
    access = {"api_key_id": HIDDEN, "api_secret": HIDDEN, "api_url": "http://127.0.0.1:1"}
    return {name: {"client_id": client_id, **access, **_seeded(name)} for name, client_id in ids.items()}


@pytest.fixture
def determined(request, monkeypatch):
    """Randomness that is the same in every run of a test."""
    source = random.Random(request.node.name)  # noqa: S311 - not random is what it has to be
    for name, module in list(sys.modules.items()):
        if name.startswith("e3db_connectors.crypto.") and hasattr(module, "urandom"):
            monkeypatch.setattr(module, "urandom", source.randbytes)
    monkeypatch.setattr(notes, "uuid4", lambda: UUID(bytes=source.randbytes(16), version=4))


@pytest.fixture
def cassette(request):
    """The recorded calls of a test; a request that differs from them in a byte of its body finds no answer."""
    recorder = vcr.VCR(
        cassette_library_dir=str(FOLDER),
        record_mode="all" if RECORDING else "none",
        match_on=["method", "path", "query", "raw_body"],
        filter_headers=[("Authorization", None), ("User-Agent", None), ("Host", None)],
        before_record_request=_without_secrets,
        before_record_response=_without_token,
        decode_compressed_response=True,
        custom_patches=[(connections._Pool, "ConnectionCls", VCRRequestsHTTPConnection)],
    )
    path = FOLDER / f"{request.node.name.removeprefix('test_')}.yaml"
    if RECORDING:
        path.unlink(missing_ok=True)
    with recorder.use_cassette(path.name) as played:
        yield played
    assert RECORDING or played.all_played


@pytest.fixture
def client(people, determined, cassette):  # noqa: ARG001 - they only have to be there
    """The writer, with its calls recorded."""
    with Client(Config.from_mapping(people["writer"])) as made:
        yield made


@pytest.fixture
def reader_id(people):
    """Somebody to share with."""
    return people["reader"]["client_id"]


@pytest.fixture
def recipient(people):
    """Public keys of somebody to write to."""
    return people["reader"]["public_key"], people["reader"]["public_signing_key"]


def _without_secrets(request):
    request.uri = f"http://127.0.0.1:1/{request.uri.split('/', 3)[3]}"
    return request


def _without_token(response):
    body = response["body"]["string"]
    if b'"access_token"' in body:
        token = json.loads(body) | {"access_token": HIDDEN}
        response["body"]["string"] = json.dumps(token).encode()
        response["headers"]["content-length"] = [str(len(response["body"]["string"]))]
    return response
