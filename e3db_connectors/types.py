"""Types under the names that the original Python SDK has for them; see `client.original`."""

from e3db_connectors.client.config import Config
from e3db_connectors.client.original.client import NamedKeyPair, NoteOptions
from e3db_connectors.client.queries import QueryPage
from e3db_connectors.client.registration import ClientDetails
from e3db_connectors.client.search import Search, SearchPage
from e3db_connectors.wire.accounts import ClientInfo
from e3db_connectors.wire.notes import Note
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.records import FileMeta, Meta, Record
from e3db_connectors.wire.search import Params, Range
from e3db_connectors.wire.sharing import Authorization, IncomingShare, OutgoingShare

AuthorizerPolicy = Authorization
EncryptionKeyPair = NamedKeyPair
File = FileMeta
IncomingSharingPolicy = IncomingShare
OutgoingSharingPolicy = OutgoingShare
Query = QueryRequest
QueryResult = QueryPage
SearchResult = SearchPage
SigningKeyPair = NamedKeyPair

__all__ = [
    "AuthorizerPolicy",
    "ClientDetails",
    "ClientInfo",
    "Config",
    "EncryptionKeyPair",
    "File",
    "IncomingSharingPolicy",
    "Meta",
    "Note",
    "NoteOptions",
    "OutgoingSharingPolicy",
    "Params",
    "Query",
    "QueryResult",
    "Range",
    "Record",
    "Search",
    "SearchResult",
    "SigningKeyPair",
]
