"""One tool call from an agent: decided, recorded, carried out, recorded.

Nothing runs whose intent is not durable, and no answer goes out whose outcome is not. A denial is
recorded like a
call, and shown to the people's bus.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from interlock.core import commands as cmd
from interlock.core.events import BlockerEncountered, ToolDenied
from interlock.core.explain import render_tool, runnable, told_of
from interlock.core.model import Mode
from interlock.core.modes import loosened
from interlock.core.policy.arguments import normalize_args
from interlock.core.policy.names import PROTOCOL, READING
from interlock.core.policy.tools import decide
from interlock.core.reasons import Reason, ToolDecision
from interlock.core.states import HOLDER, HolderStatus
from interlock.engine.environments import Environments
from interlock.engine.handins import HandIns
from interlock.engine.housing import Housing
from interlock.engine.ledger import Ledger
from interlock.engine.sessions import Caller
from interlock.engine.toolcalls import MUTATING, perform, really, resolved
from interlock.engine.views import task_view
from interlock.errors import ConflictError, DeniedError, InterlockError
from interlock.ports.audit import AuditEntry, AuditPort, Kind
from interlock.ports.runner import Session

__all__ = ["Toolbox"]

_LOOKING = READING | {"git_status", "git_diff", "git_log"}
"""What a review session may use where its phase permits it: it only looks."""

_NO_ANSWER = (
    "People see the question; they cannot answer it while the session runs. Decide yourself and "
    "say so in what you hand in; open_questions of a plan lets a person decide before the next "
    "phase."
)


class Toolbox:
    """Tool calls of all sessions."""

    def __init__(
        self, ledger: Ledger, audit: AuditPort, housing: Housing, hand_ins: HandIns
    ) -> None:
        self._ledger = ledger
        self._audit = audit
        self._housing = housing
        self._hand_ins = hand_ins
        self._environments = Environments(ledger.store)

    async def check(
        self, caller: Caller, tool: str, args: Mapping[str, Any], *, call_id: str
    ) -> ToolDecision:
        """The decision alone, durable before the answer; suspended tools are denied."""
        decision = self._in_mode(caller, self._decide(caller, tool, args))
        try:
            self._require_working(caller)
        except ConflictError as error:
            suspended = Reason(
                rule="transition.pending", message=error.message, remedy=error.remedy
            )
            against = (suspended, *decision.reasons, *decision.overridden)
            decision = ToolDecision(allowed=False, tool=decision.tool, reasons=against)
        await self._audit.record(
            self._entry(Kind.DECISION, caller, decision.tool, args, call_id, decision=decision)
        )
        if decision.overridden_by_mode == Mode.ADVISORY:
            return ToolDecision(allowed=True, tool=decision.tool, reasons=())
        return decision

    async def execute(
        self, caller: Caller, tool: str, args: Mapping[str, Any], *, call_id: str
    ) -> Mapping[str, Any]:
        """Carry out one call.

        Returns:
            What the tool gave; with ``would_have_been_denied`` if permissive mode let it through.

        Raises:
            DeniedError: policy says no; ``context["decision"]`` is the whole record.
            ConflictError: a transition of the task is being measured.
        """
        try:
            self._require_working(caller)
            given = normalize_args(tool, args)
            decision = self._in_mode(caller, self._decide(caller, tool, args))
            session = self._session(caller)
            if decision.allowed and decision.tool not in PROTOCOL:
                real = await resolved(session, given)
                decision = self._decide_resolved(caller, tool, real, decision)
                given = really(given, real)
        except InterlockError as error:
            # A call that is refused before there is a decision is on record like any other.
            refusal = {"error": error.code, "message": error.message}
            entry = self._entry(Kind.DECISION, caller, tool, args, call_id, result=refusal)
            await self._audit.record(entry)
            raise
        if not decision.allowed:
            await self._deny(caller, decision, args, call_id)
        if decision.overridden:
            await self._note(caller, decision, decision.overridden[0], call_id)
        if decision.tool in MUTATING or decision.tool in PROTOCOL:
            await self._audit.record(self._entry(Kind.INTENT, caller, decision.tool, args, call_id))
        began = time.monotonic()
        try:
            result = await self._perform(caller, session, decision.tool, given, call_id)
        except InterlockError as error:
            failure = {"error": error.code, "message": error.message}
            await self._outcome(caller, decision, args, call_id, failure, began)
            raise
        await self._outcome(caller, decision, args, call_id, result, began)
        told = told_of(decision, caller.task_id)
        return {**result, "would_have_been_denied": told} if told else result

    def _require_working(self, caller: Caller) -> None:
        """An author's tools are suspended while its request is measured."""
        state = self._ledger.state(caller.task_id)
        if caller.is_author and HOLDER.get(state.status) is not HolderStatus.ACTIVE:
            raise ConflictError(
                f"the task is {state.status.value}: its tools are suspended",
                code="IL-TLB-001",
                remedy="Wait for the answer to the pending transition.",
            )

    async def _outcome(
        self,
        caller: Caller,
        decision: ToolDecision,
        args: Mapping[str, Any],
        call_id: str,
        result: Mapping[str, Any],
        began: float,
    ) -> None:
        entry = self._entry(
            Kind.OUTCOME,
            caller,
            decision.tool,
            args,
            call_id,
            decision=decision,
            result=result,
            duration=round(time.monotonic() - began, 6),
        )
        await self._audit.record(entry)

    def _decide(self, caller: Caller, tool: str, args: Mapping[str, Any]) -> ToolDecision:
        state = self._ledger.state(caller.task_id)
        decision = decide(self._ledger.workflow(state), caller.phase, tool, args)
        if caller.is_author or decision.tool in PROTOCOL | _LOOKING:
            return _about(decision, caller.task_id)
        reason = Reason(
            rule="tool.reviewer",
            message=f"a review session only looks; {decision.tool} is not for it",
            remedy="Use read_files, grep and glob, and hand in review_verdict.",
        )
        return ToolDecision(allowed=False, tool=decision.tool, reasons=(reason,))

    def _in_mode(self, caller: Caller, decision: ToolDecision) -> ToolDecision:
        """The decision under the task's mode; in strict mode it is the same."""
        return loosened(decision, self._ledger.state(caller.task_id).enforcement.tools)

    def _decide_resolved(
        self, caller: Caller, tool: str, real: Mapping[str, str], decision: ToolDecision
    ) -> ToolDecision:
        """Decide again on what the file system would really open."""
        for path, target in real.items():
            if path == target:
                continue
            again = self._decide(
                caller, tool, {"path": target, "content": "", "old": "", "new": ""}
            )
            if not again.allowed:
                again = self._in_mode(caller, again)
                if not again.allowed:
                    return again
                decision = again
        return decision

    async def _deny(
        self, caller: Caller, decision: ToolDecision, args: Mapping[str, Any], call_id: str
    ) -> None:
        await self._audit.record(
            self._entry(Kind.DECISION, caller, decision.tool, args, call_id, decision=decision)
        )
        first = decision.reasons[0]
        await self._note(caller, decision, first, call_id)
        raise DeniedError(
            first.message,
            code="IL-POL-403",
            remedy=first.remedy,
            context={"decision": render_tool(decision)},
        )

    async def _note(
        self, caller: Caller, decision: ToolDecision, first: Reason, call_id: str
    ) -> None:
        """Put a call on record that was denied, or would have been."""
        denied = ToolDenied(
            tool=decision.tool,
            rule=first.rule,
            message=first.message,
            session_id=caller.session_id,
            call_id=call_id,
            remedy=first.remedy,
            overridden_by_mode=decision.overridden_by_mode,
        )
        await self._ledger.apply(caller.task_id, cmd.Record(event=denied), actor="server")

    async def _perform(
        self,
        caller: Caller,
        session: Session,
        tool: str,
        args: Mapping[str, Any],
        call_id: str,
    ) -> Mapping[str, Any]:
        match tool:
            case "submit_artifact":
                name = str(args.get("type", ""))
                reasons = await self._hand_ins.take(
                    caller,
                    name,
                    args.get("content"),
                    command_id=f"{caller.session_id}:{call_id}",
                )
                if reasons:
                    raise DeniedError(
                        "; ".join(reason.message for reason in reasons),
                        code="IL-HND-002",
                        remedy=reasons[0].remedy,
                    )
                return {"accepted": True, "type": name}
            case "read_artifact":
                name = str(args.get("type", ""))
                return {"type": name, "content": await self._hand_ins.read(caller, name)}
            case "status":
                return task_view(self._ledger.state(caller.task_id))
            case "request_approval" | "ask_user_question":
                return await self._tell_people(caller, tool, args)
            case "git_commit":
                return {
                    "committed": False,
                    "message": "the server commits the judged tree once completion_summary is in",
                }
            case _:
                if tool == "run_tests":
                    self._require_environment(caller)
                return await perform(session, tool, args, call_id=f"{caller.session_id}:{call_id}")

    async def _tell_people(
        self, caller: Caller, tool: str, args: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        text = str(args.get("question") or args.get("reason") or args.get("message") or tool)
        asked = BlockerEncountered(
            message=f"{caller.agent_id} asks: {text[:2000]} (it cannot be answered yet: the agent "
            "goes on without)",
            remedy=f"interlock show {caller.task_id}",
        )
        known = self._ledger.state(caller.task_id).notices
        # An agent that is started again asks again.
        if asked.message not in {notice.get("message") for notice in known}:
            await self._ledger.apply(caller.task_id, cmd.Record(event=asked), actor="server")
        return {"asked": True, "answer": None, "message": _NO_ANSWER}

    def _require_environment(self, caller: Caller) -> None:
        """Said before the shell says that it finds no runner.

        Raises:
            DeniedError: nobody trusted the recipe of the environment that tests run in.
        """
        workflow = self._ledger.workflow(self._ledger.state(caller.task_id))
        if workflow.environment is not None:
            self._environments.trusted(workflow)

    def _session(self, caller: Caller) -> Session:
        return self._housing.sandbox(caller.session_id)

    def _entry(
        self,
        kind: Kind,
        caller: Caller,
        tool: str,
        args: Mapping[str, Any],
        call_id: str,
        *,
        decision: ToolDecision | None = None,
        result: Any = None,
        duration: float | None = None,
    ) -> AuditEntry:
        return AuditEntry(
            kind=kind,
            call_id=call_id,
            agent_id=caller.agent_id,
            session_id=caller.session_id,
            task_id=caller.task_id,
            phase=caller.phase,
            tool=tool,
            args=args,
            decision=render_tool(decision) if decision else None,
            result=result,
            duration=duration,
            level=caller.confinement,
        )


def _about(decision: ToolDecision, task_id: str) -> ToolDecision:
    """The decision with remedies that can be run; policy knows no task."""
    if decision.allowed:
        return decision
    reasons = tuple(replace(r, remedy=runnable(r.remedy, task_id)) for r in decision.reasons)
    return replace(decision, reasons=reasons)
