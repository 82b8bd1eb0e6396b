"""A tool check over HTTP, durable before its answer: what all hooks and servers wait for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.doors import CALL
from bench.figures import Budget, Figure, Measured, Plan, interleaved, ratio
from bench.load import Generator, Job, Load

__all__ = ["measure"]

CONNECTIONS = 16
RATE = 500.0


@contextmanager
def _server() -> Iterator[dict[str, Any]]:
    """The server's process; what it says of itself."""
    with tempfile.TemporaryDirectory(prefix="il-bench-") as directory:
        command = [sys.executable, "-m", "bench.doors", directory]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                yield json.loads(process.stdout.readline())
            finally:
                process.kill()


def _request(port: int, token: str) -> str:
    body = json.dumps(CALL)
    lines = (
        "POST /api/v1/tools/check HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Authorization: Bearer {token}",
        "Idempotency-Key: 4c0f6a52-8a3e-4d5b-9c1f-0d6b8f6f2f11",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines) + "\r\n\r\n" + body


def _cpu_s(pid: int) -> float:
    """Seconds that all threads of a process have computed."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Loaded:
    """The server under the generator.

    Args:
        about: what the server said of itself.
        seconds: of each burst.

    Attributes:
        cpu: route → microseconds of the server's CPU per request, for each burst flat out.
    """

    def __init__(self, about: dict[str, Any], generator: Generator, seconds: float) -> None:
        self._about = about
        self._generator = generator
        self._seconds = seconds
        self.cpu: defaultdict[str, list[float]] = defaultdict(list)

    def flat_out(self, route: str) -> float:
        """Requests per second."""
        began = _cpu_s(self._about["pid"])
        load = self._burst(route, CONNECTIONS)
        used = _cpu_s(self._about["pid"]) - began
        self.cpu[route].append(1e6 * used / (load.per_second * self._seconds))
        return load.per_second

    def tail(self, route: str) -> float:
        """p99 at the fixed rate, in ms."""
        return self._burst(route, CONNECTIONS, RATE).p99

    def alone(self, route: str) -> float:
        """p50 of one connection, in ms."""
        return self._burst(route, 1).p50

    def _burst(self, route: str, connections: int, rate: float = 0.0) -> Load:
        port = self._about["ports"][route]
        job = Job(
            port=port,
            request=_request(port, self._about["token"]),
            connections=connections,
            seconds=self._seconds,
            rate=rate,
        )
        return self._generator.run(job)


def measure(plan: Plan) -> Measured:
    """Throughput against the two routes that say what it could be, and the tail at a fixed rate."""
    with _server() as about, Generator() as generator:
        loaded = _Loaded(about, generator, 0.5 if plan.quick else 1.5)
        parts: dict[str, Callable[[], float]] = {
            "empty": partial(loaded.flat_out, "empty"),
            "constant": partial(loaded.flat_out, "constant"),
            "check": partial(loaded.flat_out, "check"),
            "tail": partial(loaded.tail, "check"),
            "noise": partial(loaded.tail, "empty"),
            "alone": partial(loaded.alone, "check"),
        }
        for warm_up in parts.values():
            warm_up()
        loaded.cpu.clear()
        found = interleaved(plan.rounds, parts)
    tail = Figure(name="check at 500/s, p99", unit="ms", rounds=found["tail"])
    return Measured(
        figures=(
            Figure(name="empty ASGI route", unit="1/s", rounds=found["empty"]),
            Figure(name="constant answer, one append", unit="1/s", rounds=found["constant"]),
            Figure(name="check", unit="1/s", rounds=found["check"]),
            *(
                Figure(name=f"{route}: CPU per request", unit="µs", rounds=tuple(used))
                for route, used in sorted(loaded.cpu.items())
            ),
            Figure(name="check on one connection, p50", unit="ms", rounds=found["alone"]),
            Figure(name="empty at 500/s, p99", unit="ms", rounds=found["noise"]),
            tail,
        ),
        budgets=(
            Budget(
                figure=ratio("check / empty", found["check"], found["empty"]),
                limit=0.15,
                at_least=True,
            ),
            Budget(
                figure=ratio("check / constant", found["check"], found["constant"]),
                limit=0.6,
                at_least=True,
            ),
            Budget(figure=tail, limit=5.0),
        ),
    )
