"""What confinement costs: starting a sandbox with the agent's door, and each program inside."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

from bench.figures import Budget, Figure, Measured, NotRunError, Plan, interleaved
from interlock.adapters.confinement import UidRange, interpreter, probe, start
from interlock.ports.confinement import Level, Rung, SandboxSpec

__all__ = ["measure"]

STARTS, EXECS = 5, 100
# Prints the least of so many programs, one after the other, in milliseconds: what one costs that
# nobody else disturbed.
EXEC = """
import os, sys, time
taken = []
for _ in range(int(sys.argv[1])):
    began = time.perf_counter()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    taken.append(1000 * (time.perf_counter() - began))
print(min(taken))
"""


def measure(plan: Plan) -> Measured:
    """Medians of each round (of programs inside: the least); all take turns."""
    full, less = probe(), probe(Level.PARTIAL)
    if full.level is not Level.FULL:
        raise NotRunError(f"no sandbox at level full: {'; '.join(full.reasons)}")
    if less.level is not Level.PARTIAL:
        raise NotRunError(f"no sandbox at level partial: {'; '.join(less.reasons)}")
    uids = UidRange()
    uid = uids.lease()
    try:
        rounds = interleaved(plan.rounds, _parts(full.rung, uid, plan))
    finally:
        uids.release(uid)
    figures = {name: Figure(name=name, unit="ms", rounds=found) for name, found in rounds.items()}
    added = tuple(
        inside - outside for inside, outside in zip(rounds[_INSIDE], rounds[_OUTSIDE], strict=True)
    )
    return Measured(
        figures=tuple(figures.values()),
        budgets=(
            Budget(figure=figures[_FULL], limit=80.0),
            Budget(figure=figures[_PROBE], limit=1000.0),
            Budget(figure=Figure(name="added at partial", unit="ms", rounds=added), limit=1.0),
        ),
    )


_FULL, _PROBE = "start at full, with a door", "probe of every property at full"
_OUTSIDE, _INSIDE = "exec outside", "exec at partial"


def _parts(rung: Rung, uid: int | None, plan: Plan) -> dict[str, Callable[[], float]]:
    starts, execs = (3, 30) if plan.quick else (STARTS, EXECS)
    parts: dict[str, Callable[[], float]] = {
        "a Python that does nothing": partial(_python, starts),
        _FULL: partial(_start, Level.FULL, rung, uid, starts),
        "start at partial, with a door": partial(_start, Level.PARTIAL, None, uid, starts),
        _PROBE: _probe,
        _OUTSIDE: partial(_exec, None, uid, execs),
        _INSIDE: partial(_exec, Level.PARTIAL, uid, execs),
    }
    if uid is not None and rung is not Rung.NAMESPACES:
        name = "start at full, without user namespaces"
        parts[name] = partial(_start, Level.FULL, Rung.NAMESPACES, uid, starts)
    return parts


def _start(level: Level, rung: Rung | None, uid: int | None, times: int) -> float:
    """From the order until the program runs and its door is bound."""
    spec = SandboxSpec(argv=("/bin/sleep", "100"), ports=(8000,), uid=uid)
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        sandbox = start(spec, level, rung=rung)
        taken.append(1000 * (time.perf_counter() - began))
        sandbox.close()
    return statistics.median(taken)


def _probe() -> float:
    began = time.perf_counter()
    probe(refresh=True)
    return 1000 * (time.perf_counter() - began)


def _python(times: int) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def _exec(level: Level | None, uid: int | None, times: int) -> float:
    """What the program inside measured; without a level it is the same program outside."""
    program, mounts = interpreter()
    argv = (program, "-I", "-S", "-c", EXEC, str(times))
    if level is None:
        return float(subprocess.check_output(argv))
    reader, writer = os.pipe()
    with os.fdopen(reader) as output:
        with start(SandboxSpec(argv=argv, mounts=mounts, uid=uid), level, stdout=writer) as inside:
            os.close(writer)
            inside.wait(60)
        return float(output.read())
