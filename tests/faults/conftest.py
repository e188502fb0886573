"""Faults between a real client and a real server."""

import pytest
import requests
from requests.adapters import HTTPAdapter


class FaultyAdapter(HTTPAdapter):
    """Sends requests for real, and breaks off where it is told to: before the request has left, or after the server has acted.

    Args:
        plan: Called with method and path; answers ``"before"``, ``"after"`` or None. Each call of an operation asks anew.
    """

    def __init__(self, plan):
        super().__init__(pool_maxsize=32)
        self.plan = plan
        self.broken = 0

    def send(self, request, **options):
        fault = self.plan(request.method, request.path_url)
        if fault == "before":
            self.broken += 1
            raise requests.ReadTimeout(request=request)
        response = super().send(request, **options)
        if fault == "after":
            response.close()
            self.broken += 1
            raise requests.ConnectionError("the reply got lost", request=request)
        return response


@pytest.fixture
def break_calls():
    """Make the calls of a client fail: ``break_calls(client, plan)``."""

    def install(client, plan):
        adapter, session = FaultyAdapter(plan), client._transport._session
        session.close()  # what the adapters so far hold
        session.mount(client.config.api_url, adapter)
        return adapter

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
