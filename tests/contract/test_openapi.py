"""The server's description of itself: complete, valid, and open to everybody."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from e3db_connectors.server.app import ROUTES
from e3db_connectors.server.openapi import describe
from e3db_connectors.server.operations import OPERATIONS

DOCUMENT = describe(ROUTES)
SERVED = [(method, route.path) for route in ROUTES for method in route.methods - {"HEAD"}]
DESCRIBED = [(method, path, operation) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()]


def test_anybody_is_told(http):
    answer = http("GET", "/openapi.json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT


def test_the_command_prints_it(run):
    printed = run("e3db-connectors", "server", "openapi")
    assert (printed.returncode, printed.stderr, json.loads(printed.stdout)) == (0, "", DOCUMENT)


def test_it_is_valid_openapi_3_1():
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_route_is_in_it_and_nothing_else():
    described = {(method.upper(), path) for method, path, _ in DESCRIBED}
    assert described == {(method, path.replace(":path}", "}")) for method, path in SERVED}
    assert len(SERVED) == len(described) > 30


def test_every_operation_that_is_written_down_is_served():
    named = {operation["operationId"].removesuffix("_v2") for _, _, operation in DESCRIBED}
    assert named == {key.replace(".", "_") for key in OPERATIONS}


@pytest.mark.parametrize(("method", "path", "operation"), DESCRIBED, ids=[operation["operationId"] for _, _, operation in DESCRIBED])
def test_an_operation_is_described_whole(method, path, operation):
    assert re.fullmatch(r"[A-Z][^(]+\.", operation["summary"])
    named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
    assert named == re.findall(r"{(\w+)}", path)
    assert all(parameter["required"] for parameter in operation["parameters"] if parameter["in"] == "path")
    successes = [status for status in operation["responses"] if status.startswith("2")]
    assert len(successes) == 1
    assert ("401" in operation["responses"]) >= bool(operation["security"])
    for status, response in operation["responses"].items():
        if status.startswith(("4", "5")):
            assert response["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Failure"}
    if method == "get" and path != "/v1/storage/records":
        assert "requestBody" not in operation


@pytest.mark.parametrize(
    ("path", "method", "security"),
    [
        ("/v1/storage/servicecheck", "get", []),
        ("/v1/auth/token", "post", ["basic"]),
        ("/v1/storage/records", "post", ["bearer", "tsv1"]),
        ("/v2/storage/notes", "get", ["tsv1"]),
        ("/files/{file_token}", "put", []),
    ],
)
def test_it_says_how_to_sign_in(path, method, security):
    assert [name for scheme in DOCUMENT["paths"][path][method]["security"] for name in scheme] == security
    assert set(security) <= set(DOCUMENT["components"]["securitySchemes"])


def test_a_body_is_described_by_what_reads_it():
    schema = DOCUMENT["paths"]["/v2/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/SearchRequest"}
    assert set(DOCUMENT["components"]["schemas"]["SearchRequest"]["properties"]) >= {"limit", "next_token", "match", "exclude", "range"}
    assert DOCUMENT["components"]["schemas"]["Announced"]["properties"]["size"]["exclusiveMinimum"] == 0
