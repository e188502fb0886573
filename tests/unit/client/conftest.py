"""A server on loopback that misbehaves as it is told to, byte by byte; no honest server would."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest


class RawServer:
    """Answers each request by calling *handler* with the connection and the request's head."""

    def __init__(self, handler):
        self.handler = handler
        self.requests = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._connections = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        with connection:
            try:
                while head := self._head(connection):
                    self.requests.append(head)
                    self.handler(connection, head)
            except OSError:
                return

    @staticmethod
    def _head(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                return b""
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0)
        while len(body) < length:
            received = connection.recv(65536)
            if not received:
                return b""
            body += received
        return head

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)


@pytest.fixture
def raw_server():
    """``with raw_server(handler) as server``."""

    @contextmanager
    def serve(handler):
        server = RawServer(handler)
        try:
            yield server
        finally:
            server.close()

    return serve
