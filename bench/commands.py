"""A command through the toolhost of a sandboxed session, beside the same command without either."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import time

from bench.figures import Budget, Figure, Measured, NotRunError, Plan
from bench.supervised import ground
from interlock.adapters.confinement import probe
from interlock.ports.confinement import Level
from interlock.ports.runner import Session

__all__ = ["measure"]

COMMAND = ["/bin/true"]
PER_ROUND = 40


def measure(plan: Plan) -> Measured:
    """Medians of each round; the two take turns."""
    if probe().level is not Level.FULL:
        raise NotRunError(f"no sandbox at level full: {'; '.join(probe().reasons)}")
    rounds = asyncio.run(_rounds(plan))
    plain, through, ping = (tuple(column) for column in zip(*rounds, strict=True))
    over = Figure(
        name="over a plain subprocess",
        unit="ms",
        rounds=tuple(ours - theirs for theirs, ours in zip(plain, through, strict=True)),
    )
    return Measured(
        figures=(
            Figure(name="plain subprocess", unit="ms", rounds=plain),
            Figure(name="through the toolhost", unit="ms", rounds=through),
            Figure(name="toolhost, nothing to do", unit="ms", rounds=ping),
        ),
        budgets=(Budget(figure=over, limit=3.0),),
    )


async def _rounds(plan: Plan) -> list[tuple[float, float, float]]:
    async with ground(10) as place:
        session = await place.session()
        await _round(session)
        found = [await _round(session) for _ in range(plan.rounds)]
        await place.end(session)
        return found


async def _round(session: Session) -> tuple[float, float, float]:
    plain: list[float] = []
    through: list[float] = []
    ping: list[float] = []
    for _ in range(PER_ROUND):
        marks = [time.perf_counter()]
        subprocess.run(COMMAND, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        marks.append(time.perf_counter())
        reply = await session.toolhost.call("run", argv=COMMAND)
        marks.append(time.perf_counter())
        await session.toolhost.call("ping")
        marks.append(time.perf_counter())
        assert reply.ok["rc"] == 0
        for times, began, ended in zip((plain, through, ping), marks, marks[1:], strict=False):
            times.append(1000 * (ended - began))
    return statistics.median(plain), statistics.median(through), statistics.median(ping)
