"""The commit of a phase transition: its events appended to the real store, and on disk."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from bench.figures import Budget, Figure, Measured, Plan, interleaved
from interlock.adapters.stores.sqlite import SQLiteStore
from interlock.core.events import Event, GatePassed, PhaseChanged, TestsFrozen
from interlock.engine.codec import encode
from interlock.ports.store import NewEvent

__all__ = ["measure"]

COMMITS, SAMPLE = 400, 100
_BASE_TESTS = 200
_TREE = "7c4a8d09ca3762af61e59520943dc26494f8941b"


def _transition(number: int) -> tuple[NewEvent, ...]:
    """What is stored when a task leaves TDD: the tests that are frozen with it, gate, phase."""
    tests = tuple(f"tests/test_module_{n // 20}.py::test_behaviour_{n}" for n in range(_BASE_TESTS))
    events: tuple[Event, ...] = (
        TestsFrozen(
            tree=_TREE,
            red_tests=tests[:5],
            new_tests=tests[:5],
            base_green=tests,
            config=_TREE,
            environment=_TREE,
        ),
        GatePassed(gate="red_gate", tree=_TREE),
        PhaseChanged(
            request_id=f"req_{number:026d}",
            source="TDD",
            target="IMPL",
            forward=True,
            tree=_TREE,
            epoch=number,
            kept_artifacts=("plan_document", "scope_definition"),
            audit_seq=number,
            audit_head=_TREE,
        ),
    )
    return encode(events, "server")


class _Ground:
    """A store and a plain file beside it, on the same disk."""

    def __init__(self, place: Path, commits: int) -> None:
        self._store = SQLiteStore(place / "events.db")
        self._plain = os.open(place / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._events = [_transition(number) for number in range(commits)]
        self._tasks = 0

    def close(self) -> None:
        """Let go of both."""
        os.close(self._plain)
        self._store.close()

    def commits(self) -> float:
        """The slowest in a hundred, in ms."""
        self._tasks += 1
        task_id, version, times = f"task_{self._tasks:026d}", 0, []
        for events in self._events:
            command = f"{task_id}:{version}"
            began = time.perf_counter()
            stored = self._store.append(task_id, version, events, command_id=command, at=version)
            times.append(time.perf_counter() - began)
            version = stored[-1].task_version
        return _p99(times)

    def syncs(self) -> float:
        """The same for as many bytes, written and synced once, by the shortest way there is."""
        text = b"x" * sum(len(str(event.data)) for event in self._events[0])
        times = []
        for _ in self._events:
            began = time.perf_counter()
            os.write(self._plain, text)
            os.fdatasync(self._plain)
            times.append(time.perf_counter() - began)
        return _p99(times)


def _p99(times: list[float]) -> float:
    return 1000 * sorted(times)[int(0.99 * len(times))]


def measure(plan: Plan) -> Measured:
    """Both in turns; a machine whose plain sync is slow is a slow machine."""
    # Where state lies: the usual temporary directory may be memory.
    with tempfile.TemporaryDirectory(prefix="il-bench-", dir=Path.home()) as place:
        ground = _Ground(Path(place), SAMPLE if plan.quick else COMMITS)
        try:
            found = interleaved(plan.rounds, {"sync": ground.syncs, "commit": ground.commits})
        finally:
            ground.close()
    commit = Figure(name="transition commit, p99", unit="ms", rounds=found["commit"])
    return Measured(
        figures=(Figure(name="plain write and sync, p99", unit="ms", rounds=found["sync"]), commit),
        budgets=(Budget(figure=commit, limit=25.0),),
    )
