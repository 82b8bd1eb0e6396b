"""A requested transition: the scratch is taken over, the gate measured, the request decided."""

from __future__ import annotations

import asyncio

from interlock.core import commands as cmd
from interlock.core.policy.targets import why_not_taken
from interlock.core.tasks import TaskState
from interlock.engine.author import Author
from interlock.engine.housing import Ending, Housed
from interlock.engine.importing import take_over
from interlock.engine.means import Means
from interlock.engine.reviewers import Reviewers
from interlock.errors import InterlockError

__all__ = ["Measuring"]


class Measuring:
    """Carries a pending request to its decision."""

    def __init__(self, means: Means, author: Author, reviewers: Reviewers) -> None:
        self._means = means
        self._author = author
        self._reviewers = reviewers

    async def measure(self, state: TaskState) -> bool:
        """Do the request's next step; ``False`` while something is awaited."""
        request = state.request
        if request is None:
            return False
        if not request.tree:
            return await self._take_over(state)
        if self._reviewers.are_awaited(state, request):
            return False
        facts = await self._means.gatekeeper.measure(state.task_id, request)
        head = self._means.audit.heads
        await self._means.ledger.apply(
            state.task_id,
            cmd.Conclude(
                request_id=request.request_id,
                facts=facts,
                approval_id=self._means.new_id("apr"),
                anchor=(head.seq, head.head),
            ),
            actor="server",
        )
        return True

    async def _take_over(self, state: TaskState) -> bool:
        house = self._means.housing.get(state.session_id)
        if house is None and self._means.housing.is_expected(state.session_id):
            await self._author.house(state)
            house = self._means.housing.get(state.session_id)
        if house is None or house.session.exited.done() or state.request is None:
            await self._author.end(state, _ending(house))
            return True
        workflow, phase = self._means.phase(state)

        def may_write(path: str) -> str | None:
            return why_not_taken(workflow, phase, path)

        try:
            imported = await take_over(house.session, self._means.repository, state.tree, may_write)
        except InterlockError as error:
            if error.retryable:
                raise
            refusal = cmd.RefuseImport(
                request_id=state.request.request_id, message=error.message, remedy=error.remedy
            )
            return await self._means.apply(state, refusal)
        await asyncio.to_thread(self._keep, state, imported.tree)
        taken = cmd.TakeOver(
            request_id=state.request.request_id,
            tree=imported.tree,
            changes=imported.changes,
            refused=dict(imported.refused),
            ignored=imported.ignored,
        )
        await self._means.apply(state, taken)
        return True

    def _keep(self, state: TaskState, tree: str) -> None:
        """Whatever becomes of the request, what is measured of this tree can be looked up."""
        if tree != state.base_tree:
            ref = f"refs/interlock/{state.task_id}/{state.attempt_id}/{tree}"
            self._means.repository.keep(tree, ref, parent=state.base_commit)


def _ending(house: Housed | None) -> Ending:
    """How a session that can no longer be taken over ended; its program may have left before."""
    return Ending("lost" if house is None or house.is_lost else "died")
