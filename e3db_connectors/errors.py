"""Every exception of the package, by what to do about it.

::

    E3DBError
    ├── UsageError                what you passed has to change
    │   ├── ConfigError           credentials or settings are missing, half given or malformed
    │   │   └── WrongKeySecret    rows of this type are keyed by another secret
    │   ├── StateError            a bookmark or state that this version cannot read
    │   ├── InvalidTime           a text that is no time
    │   └── ValueMismatch         a value that does not fit its column; `record_id`, `column`
    ├── APIError                  the server's refusal: `method`, `path`, `status`
    │   ├── InvalidRequest        400, 413 and other 4xx
    │   ├── Unauthorized          401
    │   ├── Forbidden             403
    │   ├── NotFound              404
    │   ├── Conflict              409: somebody else was first; read again
    │   └── Unavailable           429 and 5xx: try again later
    ├── TransportError            no reply: not reachable, broken off, timed out; try again
    │   └── OutcomeUnknown        ... while writing: it may have happened or not
    ├── ResponseInvalid           a reply that does not follow the protocol
    │   └── ReplyTooLarge         a reply that is larger than a client takes; ask for fewer records at a time
    ├── IntegrityError            something is not what its maker sealed; never retried
    │   ├── DecryptionError       cipher text that does not open
    │   ├── EncodingError         text that is no base64url, key or quad
    │   ├── SignatureInvalid      a signature that is missing, or is not its writer's
    │   └── UntrustedKey          an access key that somebody else could have made
    ├── AccessKeyMissing          no access key for this writer and type has been shared with us
    ├── WindowExceeded            more records than a search can return: in one search, or in one millisecond of a sync
    ├── IndexUnsteady             the search index changed at each attempt to read a window; try again later
    ├── TooManyErrors             more rows than `max_errors` could not be read or written
    ├── BackupFailed              a client is registered, its key backup is not made; `details` holds the client
    ├── LocalFileError            a file of this machine that cannot be read or written
    │   └── PathTaken             there is one already, which is not to be replaced
    └── StorageError              the server's own database or port cannot be used

`recovery` says the same in one word, so that callers need not match on classes or texts.
No message ever holds a key, a token, a request body or a decrypted value.
"""

from enum import Enum
from typing import Any, ClassVar


class Recovery(Enum):
    """What a caller can do about an error."""

    FIX_INPUT = "fix the input"
    RETRY = "try again"
    CONFLICT = "read again, then decide"
    GIVE_UP = "give up"


class E3DBError(Exception):
    """Base of all errors; never raised itself."""

    recovery: ClassVar[Recovery] = Recovery.GIVE_UP


class UsageError(E3DBError, ValueError):
    """What the caller passed has to change."""

    recovery = Recovery.FIX_INPUT


class ConfigError(UsageError):
    """Credentials or settings are missing, half given or malformed."""


class WrongKeySecret(ConfigError):
    """Rows of this type are keyed by another secret: each would be written a second time."""


class StateError(UsageError):
    """A bookmark or state that this version cannot read."""


class InvalidTime(UsageError):
    """A text that is no RFC 3339 time."""


class ValueMismatch(UsageError):
    """A decrypted value does not fit its column, or there is no column for it.

    Attributes:
        record_id: Of the record.
        column: Where the value would have gone.
    """

    def __init__(self, record_id: str, column: str, words: str) -> None:
        """Keep where it was; *words* may not show the value."""
        self.record_id, self.column = record_id, column
        super().__init__(f"record {record_id}, column {column}: {words}")


class APIError(E3DBError):
    """The server refused a request.

    Attributes:
        method: HTTP method.
        path: URL path, without query.
        status: HTTP status code.
        reason: The server's own words, cut short, if it gave any.
    """

    def __init__(self, method: str, path: str, status: int, reason: str = "") -> None:
        """Keep what identifies the request, and nothing of its body."""
        self.method, self.path, self.status, self.reason = method, path, status, reason
        super().__init__(f"{method} {path}: HTTP {status}" + (f": {reason}" if reason else ""))


class InvalidRequest(APIError):
    """The server cannot make sense of the request."""

    recovery = Recovery.FIX_INPUT


class Unauthorized(APIError):
    """The credentials are not, or no longer, valid."""


class Forbidden(APIError):
    """The client is known but may not do this."""


class NotFound(APIError):
    """There is no such thing, or not for this client."""


class Conflict(APIError):
    """Somebody else wrote first."""

    recovery = Recovery.CONFLICT


class Unavailable(APIError):
    """The server is overloaded or broken for the moment."""

    recovery = Recovery.RETRY


_BY_STATUS: dict[int, type[APIError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: Unavailable,
}


def from_status(method: str, path: str, status: int, reason: str = "") -> APIError:
    """Make the error that stands for an HTTP status of 400 or more."""
    default = Unavailable if status >= 500 else InvalidRequest  # noqa: PLR2004 - HTTP's own border
    return _BY_STATUS.get(status, default)(method, path, status, reason)


class TransportError(E3DBError):
    """No reply came: the server is not reachable, broke off or took too long."""

    recovery = Recovery.RETRY


class OutcomeUnknown(TransportError):
    """A write got no reply: it may have happened or not. Look before you repeat it.

    Attributes:
        sent: The sealed record that was sent, if it was a write or update of one. A record that is stored with the same data is
            this one, for its nonces are random.
    """

    recovery = Recovery.CONFLICT
    sent: Any = None


class ResponseInvalid(E3DBError):
    """A reply that does not follow the protocol."""


class ReplyTooLarge(ResponseInvalid):
    """A reply that is larger than a client takes: ask for fewer records at a time."""

    recovery = Recovery.FIX_INPUT


class IntegrityError(E3DBError):
    """Something is not what its maker sealed."""


class DecryptionError(IntegrityError):
    """Cipher text that does not open with this key."""


class EncodingError(IntegrityError):
    """A text that is no base64url, no key or no quad."""


class SignatureInvalid(IntegrityError):
    """A signature that is missing, or is not its writer's."""


class UntrustedKey(IntegrityError):
    """An access key that somebody other than its claimed maker could know."""


class AccessKeyMissing(E3DBError):
    """No access key for this writer and record type has been shared with this client."""


class WindowExceeded(E3DBError):
    """A search finds more records than can be fetched, or more carry one instant."""


class IndexUnsteady(E3DBError):
    """The search index changed at each of several attempts to read one window whole."""

    recovery = Recovery.RETRY


class TooManyErrors(E3DBError):
    """More rows than allowed could not be read or written."""

    recovery = Recovery.FIX_INPUT


class BackupFailed(E3DBError):
    """A client is registered, but its key backup is not made.

    Attributes:
        details: The `ClientDetails` of the client. Keep them: nobody else has its secret.
    """

    def __init__(self, message: str, details: Any) -> None:
        """Keep the client."""
        super().__init__(message)
        self.details = details


class LocalFileError(E3DBError):
    """A file of this machine that cannot be read or written."""

    recovery = Recovery.FIX_INPUT


class PathTaken(LocalFileError):
    """Something is there already, and is not to be replaced."""


class StorageError(E3DBError):
    """The server's own database, files or port cannot be used."""

    recovery = Recovery.FIX_INPUT
