"""A double at a loopback port, and clients that are closed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from tests.sdk.double import Double, serving

from interlock import AgentClient

Connect = Callable[..., AgentClient]


@pytest.fixture
def door() -> Iterator[Double]:
    """An agent door that answers as the test says."""
    with serving(Double()) as double:
        yield double


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make a client of an address; ``claims``: with its task."""
    with ExitStack() as stack:

        def make(url: str, *, claims: bool = True, patience_s: float = 10) -> AgentClient:
            client = AgentClient(orchestrator_url=url, patience_s=patience_s)
            stack.enter_context(client)
            if claims:
                client.claim_task()
            return client

        yield make
