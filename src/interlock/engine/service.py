"""The agents' side of the engine: every command of every session comes in here and nowhere else.

The server's state decides, the token only proves who asks: session by listener, phase and epoch
by the state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from interlock.core import commands as cmd
from interlock.core.explain import render
from interlock.core.model import Mode, TokenSpec
from interlock.core.reasons import Reason, ToolDecision
from interlock.core.states import TaskStatus
from interlock.core.tasks import TaskState
from interlock.engine.clients import check_client
from interlock.engine.handins import HandIns
from interlock.engine.leases import Leases
from interlock.engine.ledger import Ledger
from interlock.engine.mints import MintOf, information
from interlock.engine.sessions import AUTHOR, Caller, acts_as
from interlock.engine.snapshots import snapshot_parts, task_part
from interlock.engine.tokens import Claims, TokenService
from interlock.engine.toolbox import Toolbox
from interlock.engine.views import phase_view, task_view
from interlock.errors import AuthError, ConflictError, NotFoundError

__all__ = ["AUDIENCE", "Claim", "Service", "Transition"]

AUDIENCE = "interlock-agent"
"""``aud`` of every phase token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a claim hands out."""

    task: Mapping[str, Any]
    phase: Mapping[str, Any]
    phase_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Answer to a transition: ``allowed``, ``blocked`` or ``pending``.

    Args:
        would_have_blocked: what only permissive mode let through.
    """

    status: str
    request_id: str
    blockers: tuple[Mapping[str, Any], ...] = ()
    phase: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    would_have_blocked: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Whether the phase was left."""
        return self.status == "allowed"


class Service:
    """Commands of agents."""

    def __init__(
        self,
        ledger: Ledger,
        mint_of: MintOf,
        toolbox: Toolbox,
        hand_ins: HandIns,
        leases: Leases,
    ) -> None:
        self._ledger = ledger
        self._mint_of = mint_of
        self._toolbox = toolbox
        self._hand_ins = hand_ins
        self._leases = leases

    # -- identity --------------------------------------------------------------------------

    def admit_client(self, session_id: str, version: str) -> None:
        """Refuse a client that the workflow of the session's task does not want.

        Args:
            version: of the SDK's contract, as the client says.

        Raises:
            DeniedError, UsageError: as ``check_client``.
        """
        try:
            state = self._ledger.of_session(session_id)
        except NotFoundError:
            return  # nobody's session gets nothing in any case
        check_client(self._ledger.workflow(state).sdk, version)

    def identify(self, token: str, session_id: str) -> Claims:
        """The claims of a token that was given to exactly this listener's session.

        Raises:
            AuthError: no valid token, or one of another session.
        """
        claims = self._tokens(session_id).verify(token, audience=AUDIENCE)
        if claims.sid != session_id:
            raise AuthError(
                "the token was given to another session",
                code="IL-TOK-030",
                remedy="Claim your own task: AgentClient.claim_task().",
            )
        return claims

    def verify(self, token: str, session_id: str) -> Caller:
        """Who calls, compared with the state: an earlier phase's token is dead at once.

        Raises:
            AuthError: no valid token, or the session has no part in the task.
            ConflictError: the token is of an earlier phase or epoch.
        """
        claims = self.identify(token, session_id)
        caller = acts_as(self._ledger.state(claims.tid), session_id)
        if (claims.ph, claims.ep, claims.att) != (caller.phase, caller.epoch, caller.attempt_id):
            raise ConflictError(
                f"the token is for {claims.ph} (epoch {claims.ep}), the task is in "
                f"{caller.phase} (epoch {caller.epoch})",
                code="IL-TOK-031",
                remedy="The phase was left; this session is over.",
            )
        return caller

    def _tokens(self, session_id: str) -> TokenService:
        """The tokens of the session's workflow: the listener says which, never a token."""
        try:
            state = self._ledger.of_session(session_id)
        except NotFoundError:
            return self._mint_of(TokenSpec())
        return self._mint_of(self._ledger.workflow(state).tokens)

    def _mint(self, caller: Caller, state: TaskState) -> str:
        workflow = self._ledger.workflow(state)
        return self._mint_of(workflow.tokens).mint(
            audience=AUDIENCE,
            agent=caller.agent_id,
            session=caller.session_id,
            task=caller.task_id,
            phase=caller.phase,
            epoch=caller.epoch,
            attempt=caller.attempt_id,
            workflow=state.workflow,
            confinement=caller.confinement,
            information=information(workflow.tokens, workflow.phase(caller.phase), caller, state),
        )

    # -- commands --------------------------------------------------------------------------

    async def claim(
        self, session_id: str, agent_id: str, capabilities: Sequence[str]
    ) -> Claim | None:
        """The task that this session was started for, with its first token.

        ``agent_id`` and ``capabilities`` are information: who a session is, its listener says.
        """
        try:
            state = self._ledger.of_session(session_id)
            caller = acts_as(state, session_id)
        except (NotFoundError, ConflictError, AuthError):
            return None
        await self._leases.claim(caller)
        workflow = self._ledger.workflow(state)
        phase = workflow.phase(state.phase)
        assert phase is not None, "a task is pinned to the workflow that has its phase"
        return Claim(
            task={**task_view(state), "role": caller.role, "agent_id": caller.agent_id},
            phase=phase_view(workflow, phase),
            phase_token=self._mint(caller, state),
        )

    async def refresh(self, caller: Caller) -> str:
        """A fresh token of the same epoch; its holder's lease lives on with it.

        Raises:
            ConflictError: the lease ran out or somebody else has it.
        """
        await self._leases.renew(caller)
        return self._mint(caller, self._ledger.state(caller.task_id))

    async def check(
        self, caller: Caller, tool: str, args: Mapping[str, Any], *, call_id: str
    ) -> ToolDecision:
        """The decision on a call, durable before the answer."""
        return await self._toolbox.check(caller, tool, args, call_id=call_id)

    async def execute(
        self, caller: Caller, tool: str, args: Mapping[str, Any], *, call_id: str
    ) -> Mapping[str, Any]:
        """Carry out a call; see ``Toolbox.execute``."""
        return await self._toolbox.execute(caller, tool, args, call_id=call_id)

    async def transition(
        self,
        token: str,
        session_id: str,
        current_phase: str,
        target_phase: str,
        artifacts: Mapping[str, Any],
        *,
        command_id: str,
    ) -> Transition:
        """Ask to leave the phase; the same command asked again gets the same request's answer.

        Raises:
            AuthError, ConflictError: as ``verify``.
        """
        claims = self.identify(token, session_id)
        request_id = _request_id(session_id, command_id)
        if self._ledger.state(claims.tid).last_request == request_id:
            return self._answer(claims.tid, request_id)
        caller = self.verify(token, session_id)
        if not caller.is_author:
            raise ConflictError(
                f"a session that reviews as {caller.role} does not move the task",
                code="IL-SRV-001",
                remedy="Hand in review_verdict with submit_artifact.",
            )
        state = self._ledger.state(caller.task_id)
        if state.status is TaskStatus.MEASURING and state.request is not None:
            return self._answer(caller.task_id, state.request.request_id)
        reasons = await self._hand_ins.take_all(caller, artifacts, command_id=request_id)
        # Below strict a document that is not taken is one that was not handed in.
        if reasons and state.enforcement.gates is Mode.STRICT:
            return _refused(request_id, state, reasons)
        decision, state = await self._ledger.apply(
            caller.task_id,
            cmd.RequestTransition(
                request_id=request_id,
                session_id=session_id,
                current_phase=current_phase,
                target_phase=target_phase,
            ),
            actor=f"agent:{caller.agent_id}",
            command_id=request_id,
        )
        if not decision.accepted:
            return _refused(request_id, state, decision.reasons)
        return self._answer(caller.task_id, request_id)

    async def transition_status(
        self, token: str, session_id: str, request_id: str, *, wait_s: float
    ) -> Transition:
        """What became of a request; waits up to ``wait_s`` seconds for its end.

        The phase may have been left meanwhile: the token only has to be this session's.
        """
        claims = self.identify(token, session_id)
        state = self._ledger.state(claims.tid)
        if state.last_request != request_id or state.last_session != session_id:
            raise NotFoundError(
                f"this session has made no transition request {request_id!r}",
                code="IL-SRV-002",
                remedy="Request the transition again.",
            )
        await self._ledger.changed(
            lambda: self._answer(claims.tid, request_id).status != "pending", timeout_s=wait_s
        )
        return self._answer(claims.tid, request_id)

    def _answer(self, task_id: str, request_id: str) -> Transition:
        state = self._ledger.state(task_id)
        if state.last_request != request_id:
            return Transition(status="blocked", request_id=request_id, phase=state.phase)
        if state.last_outcome == "":
            waiting = state.status is TaskStatus.AWAITING_APPROVAL
            detail = {"gate": state.request.gate} if waiting and state.request else {}
            return Transition(
                status="pending", request_id=request_id, phase=state.phase, detail=detail
            )
        if state.last_outcome == "blocked":
            return _blocked(request_id, state, state.blockers)
        return Transition(
            status="allowed",
            request_id=request_id,
            phase=state.phase,
            would_have_blocked=_told(state),
        )

    async def snapshot(self, caller: Caller) -> Mapping[str, Any]:
        """The caller's view of the world: its task, its dependencies, as far as the workflow shows
        them."""
        state = self._ledger.state(caller.task_id)
        needed = [self._ledger.state(other) for other in state.depends_on]
        wanted = self._ledger.workflow(state).coordination.snapshot
        parts = snapshot_parts(state, needed, wanted)
        return {
            "task": task_part(state, wanted),
            "role": caller.role,
            "confinement": caller.confinement,
            **parts,
            "is_author": caller.role == AUTHOR,
        }


def _told(state: TaskState) -> tuple[Mapping[str, Any], ...]:
    """What an agent is told of the way that its mode opened: nothing in advisory mode."""
    return state.overridden if state.enforcement.gates is Mode.PERMISSIVE else ()


def _request_id(session_id: str, command_id: str) -> str:
    return "req_" + hashlib.sha256(f"{session_id}\0{command_id}".encode()).hexdigest()[:26]


def _refused(request_id: str, state: TaskState, reasons: Sequence[Reason]) -> Transition:
    return _blocked(request_id, state, [render(reason, state.task_id) for reason in reasons])


def _blocked(
    request_id: str, state: TaskState, blockers: Sequence[Mapping[str, Any]]
) -> Transition:
    return Transition(
        status="blocked", request_id=request_id, blockers=tuple(blockers), phase=state.phase
    )
