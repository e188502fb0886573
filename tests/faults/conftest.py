"""Faults between a real client and a real server."""

from contextlib import contextmanager

import pytest
import requests

from e3db_connectors.client import connections


class FaultySessions:
    """Sends requests for real, and breaks off where it is told to: before the request has left, or after the server has acted.

    Args:
        sessions: The real ones.
        plan: Called with method and path; answers ``"before"``, ``"after"`` or None. Each call of an operation asks anew.
    """

    def __init__(self, sessions, plan):
        self.sessions, self.plan = sessions, plan
        self.broken = 0

    @contextmanager
    def lend(self, deadline):
        with self.sessions.lend(deadline) as session:
            yield FaultySession(session, self)

    def close(self):
        self.sessions.close()


class FaultySession:
    def __init__(self, session, owner):
        self.session, self.owner = session, owner

    def request(self, method, url, **options):
        fault = self.owner.plan(method, "/" + url.split("/", 3)[3])
        self.owner.broken += fault is not None
        if fault == "before":
            connections._current.get().sent = True  # as far as the client can tell
            raise requests.ReadTimeout
        response = self.session.request(method, url, **options)
        if fault == "after":
            response.close()
            raise requests.ConnectionError("the reply got lost")
        return response


@pytest.fixture
def break_calls():
    """Make the calls of a client fail: ``break_calls(client, plan)``."""

    def install(client, plan):
        transport = client._transport
        transport._sessions = FaultySessions(transport._sessions, plan)
        return transport._sessions

    return install


@pytest.fixture
def once():
    """A plan that breaks one call of an operation: ``once("PUT", "/v1/storage/records", "after")``."""

    def plan(method, path, fault, times=1):
        left = [times]

        def decide(called_method, called_path):
            if left[0] and called_method == method and called_path.startswith(path):
                left[0] -= 1
                return fault
            return None

        return decide

    return plan
