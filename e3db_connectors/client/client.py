"""The client: everything that a program does with E3DB."""

from __future__ import annotations

from e3db_connectors.client.backup import BackupOperations
from e3db_connectors.client.bulk import BulkOperations
from e3db_connectors.client.registration import register


class Client(BulkOperations, BackupOperations):
    """An E3DB client; several threads may share one. See `ClientCore` for what it takes."""

    register = staticmethod(register)
