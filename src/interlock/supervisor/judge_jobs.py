"""Judge jobs by what they are asked: the same question joins the running job or gets its answer.

A server that dies in the middle asks again when it is back, and nothing is measured twice. Only
measurements are kept: an error, and facts that say why nothing could be measured, are handed out
once and forgotten. An environment is kept by whoever builds it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from interlock.ports.runner import JudgeKind
from interlock.supervisor.threads import in_thread

__all__ = ["JudgeJobs", "Measure"]

Measure = Callable[[JudgeKind, Mapping[str, Any]], Mapping[str, Any]]

_KEPT = 256
_MEASUREMENTS = frozenset(
    {
        JudgeKind.RED,
        JudgeKind.GREEN,
        JudgeKind.BASE,
        JudgeKind.WORK,
        JudgeKind.COMMAND,
        JudgeKind.STATIC,
    }
)


class JudgeJobs:
    """Runs and remembers; used on one loop.

    Args:
        measure: does one job, on a thread.
        at_once: jobs that may run at one time; the others wait for their turn.
    """

    def __init__(self, measure: Measure, *, at_once: int = 2) -> None:
        self._measure = measure
        self._turn = asyncio.Semaphore(at_once)
        self._building = asyncio.Semaphore(at_once)
        self._owners: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._jobs: OrderedDict[str, asyncio.Task[Mapping[str, Any]]] = OrderedDict()

    async def run(
        self, kind: JudgeKind, request: Mapping[str, Any], *, owner: str = ""
    ) -> Mapping[str, Any]:
        """The result of a job, whoever started it.

        Args:
            owner: whose jobs take turns: of two with the same owner the later one waits, whatever
                is free, so that nobody's jobs keep out those of others. Without one none waits.

        Raises:
            InterlockError: as the judge raised it.
        """
        key = _digest(kind, request)
        if key not in self._jobs:
            self._jobs[key] = asyncio.create_task(self._one(kind, request, owner))
            self._forget_the_oldest()
        job = self._jobs[key]
        self._jobs.move_to_end(key)
        # Unlike `await job` this leaves the job alone when one of its askers goes away.
        await asyncio.wait([job])
        measured = kind in _MEASUREMENTS and _is_measured(job)
        if not measured and self._jobs.get(key) is job:
            del self._jobs[key]
        return job.result()

    async def _one(
        self, kind: JudgeKind, request: Mapping[str, Any], owner: str
    ) -> Mapping[str, Any]:
        if kind not in _MEASUREMENTS:
            # What has to be there before any session starts does not queue behind runs of tests,
            # nor does a look at what is there behind builds.
            async with self._building if kind is JudgeKind.ENVIRONMENT else nullcontext():
                return await in_thread(self._measure, kind, request)
        own = self._owners.setdefault(owner, asyncio.Lock()) if owner else nullcontext()
        async with own, self._turn:
            return await in_thread(self._measure, kind, request)

    def _forget_the_oldest(self) -> None:
        for key in [key for key, job in self._jobs.items() if job.done()]:
            if len(self._jobs) <= _KEPT:
                return
            del self._jobs[key]


def _digest(kind: JudgeKind, request: Mapping[str, Any]) -> str:
    question = msgspec.json.encode([kind, request], order="sorted")
    return hashlib.sha256(question).hexdigest()


def _is_measured(job: asyncio.Task[Mapping[str, Any]]) -> bool:
    return job.exception() is None and not job.result().get("problem")
