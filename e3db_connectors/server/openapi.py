"""The server's own description, as OpenAPI 3.1: made from its routes, their handlers' docstrings, and the structs that they read and write."""

from __future__ import annotations

import re
from collections import Counter
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.server.http import reply
from e3db_connectors.server.operations import BINARY, JSON, OPERATIONS, Binary, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response

    from e3db_connectors.server.operations import Operation

PATH: Final = "/openapi.json"

_REFERENCE: Final = "#/components/schemas/{name}"
_EVERYWHERE: Final = (400, 431, 503)
"""Statuses of any request: what is no HTTP, or cannot be stored; a head that is too long; a server that has too much to do."""

_WORDS: Final = {
    400: "The request is malformed.",
    401: "The caller is not known: the credentials are missing, wrong, or have run out.",
    403: "The caller may not do this.",
    404: "There is no such thing, or the caller may not see it.",
    409: "It conflicts with what is there.",
    413: "The body is too large.",
    429: "Too many attempts.",
    431: "The line and headers of the request are too long.",
    503: "The server is busy; nothing was done.",
    507: "The server has no room.",
}
_RETRY: Final = {"Retry-After": {"description": "Seconds until it may succeed.", "schema": {"type": "integer"}}}
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The access_token of POST /v1/auth/token."},
    "tsv1": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "A signature of the request, good for one: `TSV1-ED25519-BLAKE2B; <signing key>; <unix seconds>; <uuid>; "
        "uid:<client id>; <signature>`. The signature is Ed25519 over BLAKE2b-256 of `<path>; <sorted query>; <METHOD>; <the first five "
        "parts>`; key and signature are base64url without padding. Notes are open to an empty client id, too.",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "API key id and API secret."},
}


async def document(request: Request) -> Response:
    """This document."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        state.openapi = describe(request.app.routes)
    return reply(state.openapi)


def describe(routes: Iterable[Any]) -> dict[str, Any]:
    """Make the document of *routes*."""
    found = [(method, route.path, route.endpoint) for route in routes for method in sorted(route.methods - {"HEAD"})]
    times = Counter(_key(endpoint) for _, _, endpoint in found)
    types = [kind for _, _, endpoint in found for kind in _types(OPERATIONS[_key(endpoint)])]
    kinds = list(dict.fromkeys([*types, Failure]))
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    schema_of = dict(zip(kinds, schemas, strict=True))
    for component in components.values():
        component["description"] = _first_sentence(component.get("description", ""))
    paths: dict[str, dict[str, Any]] = {}
    for method, path, endpoint in found:
        template = re.sub(r":\w+}", "}", path)
        name = _key(endpoint).replace(".", "_") + ("_v2" if times[_key(endpoint)] > 1 and path.startswith("/v2/") else "")
        paths.setdefault(template, {})[method.lower()] = {
            "operationId": name,
            "tags": [_key(endpoint).partition(".")[0].replace("_", " ")],
            "summary": _first_sentence(endpoint.__doc__ or ""),
            **_described(OPERATIONS[_key(endpoint)], template, schema_of),
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "E3DB-compatible server of e3db-connectors",
            "version": version("e3db-connectors"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Records whose values are encrypted by their writers. Members of a body that are not known are ignored, and null is "
            "as good as absent where a member is optional. Bodies are JSON whatever their content type.",
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


def _first_sentence(docstring: str) -> str:
    sentence = docstring.partition("\n")[0].partition(". ")[0].removesuffix(".")
    return re.sub(r" \(sections? [^)]*\)", "", sentence) + "."


def _key(endpoint: Any) -> str:
    return f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}"


def _types(operation: Operation) -> Iterator[Any]:
    return (kind for kind in (operation.body, operation.answer) if kind not in {None, Binary})


def _described(operation: Operation, template: str, schema_of: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "security": [{scheme: []} for scheme in operation.security],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in re.findall(r"{(\w+)}", template)),
            *({"name": name, "in": "query", **told} for name, told in operation.query.items()),
            *({"name": name, "in": "header", **told} for name, told in operation.headers.items()),
        ],
        "responses": dict(sorted(_responses(operation, schema_of))),
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body, schema_of)}
    return described


def _responses(operation: Operation, schema_of: dict[Any, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    success: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer is not None:
        success["content"] = _content(operation.answer, schema_of)
    if operation.answer_headers:
        success["headers"] = {
            name: {"description": words, "required": True, "schema": {"type": "string"}} for name, words in operation.answer_headers.items()
        }
    yield str(operation.status), success
    for status in {*_EVERYWHERE, *operation.errors, *((401,) if operation.security else ())}:
        failure = {"description": _WORDS[status], "content": _content(Failure, schema_of)}
        yield str(status), {**failure, "headers": _RETRY} if status in {429, 503} else failure


def _content(kind: Any, schema_of: dict[Any, Any]) -> dict[str, Any]:
    return {BINARY: {}} if kind is Binary else {JSON: {"schema": schema_of[kind]}}
