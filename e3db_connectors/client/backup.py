"""Key backup (protocol section 5.2): a client's credentials as a record of its own, shared with the account's backup client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from e3db_connectors.client.records import RecordOperations
from e3db_connectors.client.sharing import SharingOperations
from e3db_connectors.client.transport import Call
from e3db_connectors.wire import paths

if TYPE_CHECKING:
    from uuid import UUID

BACKUP_TYPE: Final = "tozny.key_backup"

_FIELDS: Final = (
    "client_id", "api_key_id", "api_secret", "client_email", "public_key", "private_key", "public_signing_key", "private_signing_key", "api_url",
)  # fmt: skip


class BackupOperations(RecordOperations, SharingOperations):
    """Backing up the keys."""

    def backup(self, backup_client_id: str | UUID, registration_token: str) -> None:
        """Back up this client's credentials, private keys included, so that the owner of the account can restore them.

        Whoever has the private key of the backup client can then act as this client and read all that it can read.

        Args:
            backup_client_id: The account's backup client, as the registration named it.
            registration_token: What registered this client.
        """
        values = self.config()
        # Each value is JSON text of its own; the version is a bare number, as the original Python client writes it.
        data = {"version": self.config.version, **{name: json.dumps(values[name]) for name in _FIELDS}}
        self.write(BACKUP_TYPE, data, {"client": self.client_id})
        self.share(BACKUP_TYPE, str(backup_client_id))
        path = paths.backup(registration_token, self.client_id)
        self._api.send(Call("POST", path, b"", shown_path=paths.backup("***", self.client_id)))
