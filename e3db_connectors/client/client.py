"""The client: everything that a program does with E3DB."""

from __future__ import annotations

from e3db_connectors.client.records import RecordOperations
from e3db_connectors.client.registration import register
from e3db_connectors.client.sharing import SharingOperations


class Client(RecordOperations, SharingOperations):
    """An E3DB client; several threads may share one. See `ClientCore` for what it takes."""

    register = staticmethod(register)
