"""Errors under the names that the original Python SDK has for them; `errors` has them all."""

from e3db_connectors.errors import APIError, Conflict, IntegrityError, InvalidRequest, NotFound, ResponseInvalid, SignatureInvalid

ConflictError = Conflict
CryptoError = IntegrityError
LookupError = NotFound  # noqa: A001 - the original's name
NoteValidationError = SignatureInvalid
QueryError = InvalidRequest
UnsupportedAPIResponse = ResponseInvalid

__all__ = [
    "APIError",
    "ConflictError",
    "CryptoError",
    "LookupError",
    "NoteValidationError",
    "QueryError",
    "UnsupportedAPIResponse",
]
