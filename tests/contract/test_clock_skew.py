"""A machine whose clock is wrong, and is set while a program runs: signatures are refused once at most, and the server's Date puts them right."""

import time
from types import SimpleNamespace
from uuid import uuid4

import pytest

from e3db_connectors import Client
from e3db_connectors.client import clock, transport

HOUR, DAY = 3600, 86_400


@pytest.fixture
def machine(monkeypatch):
    """This machine's clock as the client sees it: ``machine.skew`` seconds off."""
    made = SimpleNamespace(skew=0.0)
    skewed = SimpleNamespace(**vars(time))
    skewed.time = lambda: time.time() + made.skew
    for module in (clock, transport):
        monkeypatch.setattr(module, "time", skewed)
    return made


@pytest.mark.proof
@pytest.mark.parametrize("skew", [-DAY, -HOUR, HOUR, DAY])
def test_a_wrong_clock_costs_one_refusal_and_a_step_of_it_another(skew, client, machine, proof):
    calls, steps = proof.size(5, 100), (skew, 0, -skew)
    refused = []
    with Client(client.config()) as wrong:
        wrong.write("note", {"n": "1"})
        for machine.skew in steps:
            before = wrong.traffic().requests
            for _ in range(calls):
                gone = str(uuid4())
                assert wrong.delete_batch([gone]).keys() == {gone}
            refused.append(wrong.traffic().requests - before - calls)
    proof.report(f"a clock that is {skew:+} s off, and stepped twice", signed_calls=calls * len(steps), refused=sum(refused))
    assert refused == [1, 1, 1]
