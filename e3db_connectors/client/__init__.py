"""The E3DB client: credentials, HTTP, access keys, records, query and search."""

from e3db_connectors.client.client import Client
from e3db_connectors.client.config import Config
from e3db_connectors.client.search import Search

__all__ = ["Client", "Config", "Search"]
