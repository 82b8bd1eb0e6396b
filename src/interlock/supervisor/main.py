"""The supervisor's process: owns sandboxes, and ends when it is told to.

Its sessions end with it, however it ends: each sandbox's parent holds a socket whose other end is
here.
"""

from __future__ import annotations

import asyncio
import resource
import signal
from pathlib import Path

from interlock.adapters.confinement import probe
from interlock.adapters.lockfile import LockFile
from interlock.ports.confinement import Capability, Level
from interlock.supervisor.judging import pytest_judge
from interlock.supervisor.service import MeasureFactory, Supervisor

__all__ = ["main"]


def main(
    state_dir: str | Path, *, strongest: Level = Level.FULL, measure: MeasureFactory | None = None
) -> int:
    """Run a supervisor until SIGTERM or SIGINT; exit status 0.

    Args:
        strongest: level above which confinement is not used even if it would work.
        measure: makes the judge; the default measures with pytest.

    Raises:
        ConflictError: another supervisor owns this state directory.
    """
    state = Path(state_dir).resolve()
    run = state / "run"
    run.mkdir(mode=0o700, exist_ok=True)
    lock = LockFile(run / "supervisor.lock", code="IL-SUP-008", what=f"the supervisor of {state}")
    # Each session keeps a handful of descriptors open here.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    capability = probe(strongest)
    try:
        asyncio.run(_run(state, capability, measure or pytest_judge))
    finally:
        lock.release()
    return 0


async def _run(state: Path, capability: Capability, measure: MeasureFactory) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    supervisor = Supervisor(state, capability, measure)
    await supervisor.serve(stop)
