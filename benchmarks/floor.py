"""The least that writing a record takes: it is sealed and sent, and nobody looks whether it is there already, or got there.

``python -c "from benchmarks import floor; floor.main()" CREDENTIALS`` reads numbers of records from standard input, and answers each with the
seconds that writing them took, on the clock and of the processor.
"""

from __future__ import annotations

import http.client
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local
from urllib.parse import urlsplit

import msgspec
import requests

from benchmarks.fields import FIELDS, TEXT
from e3db_connectors import Client
from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.client.config import Config
from e3db_connectors.crypto.fast_fields import FieldSealer
from e3db_connectors.crypto.suites import suite_named
from e3db_connectors.wire import paths
from e3db_connectors.wire.records import EncryptedRecord, Meta


class Writer:
    """Writes records of one type, each thread over a connection of its own."""

    def __init__(self, client: Client) -> None:
        """Take a token and the access key from a client."""
        self._client, self._key = client, client._keys.for_writing("floor")  # noqa: SLF001 - a prototype
        self._address = urlsplit(client.config.api_url)
        request = requests.Request("POST", client.config.api_url, auth=client._api._tokens.current()).prepare()  # noqa: SLF001 - likewise
        self._headers = {"Authorization": request.headers["Authorization"], "Content-Type": "application/json"}

    def connect(self) -> None:
        """Begin with new connections: a server ends those that are idle."""
        self._local = local()

    def write(self, data: dict[str, str]) -> None:
        """Write one."""
        mine = self._local
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection(self._address.hostname or "", self._address.port)
            mine.sealer = FieldSealer(suite_named(self._client.config.crypto_suite))
        meta = Meta(self._client.client_id, self._client.client_id, "floor", {})
        body = msgspec.json.encode(EncryptedRecord(meta, mine.sealer.seal_all(self._key, data)))
        mine.connection.request("POST", paths.RECORDS, body, self._headers)
        reply = mine.connection.getresponse()
        msgspec.json.decode(reply.read(), type=EncryptedRecord)


def main() -> None:
    """Write as many as standard input says."""
    config = Config.from_mapping(msgspec.json.decode(Path(sys.argv[1]).read_bytes()))
    data = {f"field{number}": TEXT for number in range(FIELDS)}
    with Client(config) as client, ThreadPoolExecutor(WORKERS) as pool:
        writer = Writer(client)
        for line in sys.stdin:
            writer.connect()
            began, worked = time.perf_counter(), time.process_time()
            for _ in pool.map(writer.write, [data] * int(line)):
                pass
            print(time.perf_counter() - began, time.process_time() - worked, flush=True)  # noqa: T201 - the answer
