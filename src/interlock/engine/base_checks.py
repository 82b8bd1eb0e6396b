"""The base of each task is measured in the background, once: a fact for people and gates.

Nobody waits for it and nothing depends on it. RED takes its run of the base from there, and a
suite that is broken or flaky before anybody changed anything is told while there is time.
"""

from __future__ import annotations

import asyncio
import json
import logging

from interlock.core.commands import Record
from interlock.core.events import BaseMeasured
from interlock.core.facts import BaseFacts
from interlock.core.gates.evaluate import needs
from interlock.core.model import EnvironmentSpec
from interlock.core.tasks import TaskState
from interlock.engine.codec import plain, typed
from interlock.engine.means import Means
from interlock.errors import InterlockError
from interlock.ports.judge import BaseRequest
from interlock.ports.runner import JudgeKind

__all__ = ["BaseChecks"]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 60.0
_NAMED, _LENGTH = 20, 200
_log = logging.getLogger(__name__)


class BaseChecks:
    """Measurements that are going on, by task."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._running: dict[str, asyncio.Task[None]] = {}

    def watch(self, task_id: str) -> None:
        """Have a task's base measured unless it was; quiet if that is going on."""
        if task_id not in self._running and self._is_wanted(self._means.ledger.state(task_id)):
            running = asyncio.create_task(self._measure(task_id), name=f"base of {task_id}")
            self._running[task_id] = running
            running.add_done_callback(lambda _: self._running.pop(task_id, None))

    async def stop(self) -> None:
        """Ask no more; what the judge is doing goes on, and the next server joins it."""
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _is_wanted(self, state: TaskState) -> bool:
        if state.status.is_final or state.base is not None:
            return False
        phases = self._means.ledger.workflow(state).phases
        return any(needs(gate) for phase in phases for gate in phase.gates)

    async def _measure(self, task_id: str) -> None:
        ledger, pause = self._means.ledger, _FIRST_PAUSE_S
        recipe = ledger.workflow(ledger.state(task_id)).environment
        while recipe is not None:
            await ledger.changed(lambda: not self._awaits_trust(task_id, recipe))
            state = ledger.state(task_id)
            if not self._is_wanted(state):
                return
            try:
                facts = await self._ask(state, recipe)
            except InterlockError as error:
                if error.retryable:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
                    continue
                facts = BaseFacts(problem=error.message, remedy=error.remedy)
            except Exception:
                # Only a fact is lost; a bug here must not be a task's end.
                _log.exception("base_not_measured", extra={"task_id": task_id})
                return
            await self._record(state, facts)
            return

    def _awaits_trust(self, task_id: str, recipe: EnvironmentSpec) -> bool:
        is_over = self._means.ledger.state(task_id).status.is_final
        return not is_over and not self._means.environments.is_trusted(recipe)

    async def _ask(self, state: TaskState, recipe: EnvironmentSpec) -> BaseFacts:
        asked = plain(BaseRequest(base=state.base_tree, environment=recipe))
        answer = await self._means.runner.judge(JudgeKind.BASE, asked, owner=state.task_id)
        return typed(answer, BaseFacts)

    async def _record(self, state: TaskState, facts: BaseFacts) -> None:
        ledger = self._means.ledger
        text = json.dumps({"kind": JudgeKind.BASE.value, "facts": plain(facts)}).encode()
        digest = await ledger.run(lambda: ledger.store.put_blob(text))
        event = BaseMeasured(
            digest=digest,
            tree=state.base_tree,
            environment=facts.environment,
            level=facts.level,
            # The whole output is in the blob, and in the notice of what failed.
            problem=facts.problem.partition("\n")[0].rstrip(":"),
            tests=len(facts.run.tests) if facts.run else 0,
            failing=_first(facts.failing),
            failing_count=len(facts.failing),
            flaky=_first(facts.flaky),
            flaky_count=len(facts.flaky),
        )
        await ledger.apply(state.task_id, Record(event=event), actor="server")


def _first(tests: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(test[:_LENGTH] for test in tests[:_NAMED])
