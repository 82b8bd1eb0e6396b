"""What agents hand in: artifacts against their schemas, verdicts as typed records. A claim is
kept, never believed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from interlock.core import commands as cmd
from interlock.core.decision import Decision
from interlock.core.events import ToolDenied
from interlock.core.facts import ReviewIssue
from interlock.core.reasons import Reason
from interlock.definition.artifacts import ArtifactValidator, schema_file
from interlock.engine.ledger import Ledger
from interlock.engine.sessions import Caller
from interlock.errors import InvalidInputError, NotFoundError

__all__ = ["HandIns", "Verdict"]

REVIEW_VERDICT = "review_verdict"
_TOLD = 3
"""So many problems of one document are told to people; its author gets all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one reviewer hands in, as its schema says."""

    role: str
    verdict: Literal["pass", "fail"]
    tree: str
    issues: tuple[ReviewIssue, ...] = ()


class HandIns:
    """Takes documents from agents."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def take(
        self, caller: Caller, artifact: str, content: Any, *, command_id: str
    ) -> tuple[Reason, ...]:
        """Take one document; the reasons why it is not taken, none if it is."""
        if artifact == REVIEW_VERDICT:
            decision = await self._verdict(caller, content, command_id)
            return decision.reasons
        state = self._ledger.state(caller.task_id)
        workflow = self._ledger.workflow(state)
        problems = ArtifactValidator(workflow).problems(artifact, content, phase=state.phase)
        if problems:
            where = schema_file(workflow, artifact, state.phase)
            reasons = tuple(
                Reason(
                    rule=f"artifact.{artifact}.schema",
                    message=f"{artifact}{pointer}: {what}",
                    remedy=f"Correct {artifact}{where and f' as {where} says'} and hand it in "
                    "again.",
                )
                for pointer, what in problems
            )
            await self._tell(caller, reasons, command_id)
            return reasons
        text = json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
        digest = await self._ledger.run(lambda: self._ledger.store.put_blob(text))
        decision, _ = await self._ledger.apply(
            caller.task_id,
            cmd.SubmitArtifact(session_id=caller.session_id, artifact=artifact, digest=digest),
            actor=f"agent:{caller.agent_id}",
            command_id=command_id,
        )
        return decision.reasons

    async def _tell(self, caller: Caller, reasons: tuple[Reason, ...], command_id: str) -> None:
        """Put a refused document where people look, once for each command."""
        told = "; ".join(reason.message for reason in reasons[:_TOLD])
        more = f" and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
        denied = ToolDenied(
            tool="submit_artifact",
            rule=reasons[0].rule,
            message=told + more,
            session_id=caller.session_id,
            call_id=command_id,
            remedy=reasons[0].remedy,
        )
        await self._ledger.apply(
            caller.task_id,
            cmd.Record(event=denied),
            actor="server",
            command_id=f"{command_id}:refused",
        )

    async def read(self, caller: Caller, artifact: str) -> Any:
        """A document of the task that counts now, whichever phase took it.

        Raises:
            NotFoundError: there is none of this type.
        """
        state = self._ledger.state(caller.task_id)
        if (digest := state.artifacts.get(artifact)) is None:
            raise NotFoundError(
                f"no {artifact or 'artifact without a type'} was handed in",
                code="IL-HND-003",
                remedy=f"Ask for one of: {', '.join(sorted(state.artifacts)) or 'none so far'}.",
            )
        return json.loads(await self._ledger.run(lambda: self._ledger.store.get_blob(digest)))

    async def _verdict(self, caller: Caller, content: Any, command_id: str) -> Decision:
        try:
            verdict = msgspec.convert(content, Verdict)
        except msgspec.ValidationError as error:
            raise InvalidInputError(
                f"review_verdict: {error}",
                code="IL-HND-001",
                remedy="Hand in role, verdict (pass or fail), tree and issues.",
            ) from error
        decision, _ = await self._ledger.apply(
            caller.task_id,
            cmd.SubmitVerdict(
                session_id=caller.session_id,
                role=verdict.role,
                tree=verdict.tree,
                verdict=verdict.verdict,
                issues=verdict.issues,
            ),
            actor=f"agent:{caller.agent_id}",
            command_id=command_id,
        )
        return decision

    async def take_all(
        self, caller: Caller, artifacts: Mapping[str, Any], *, command_id: str
    ) -> tuple[Reason, ...]:
        """Take several documents in order; every reason against any of them."""
        reasons: list[Reason] = []
        for name, content in artifacts.items():
            reasons += await self.take(caller, name, content, command_id=f"{command_id}:{name}")
        return tuple(reasons)
